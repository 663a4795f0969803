"""A small convolutional network in PyTorch, on the raw signal.

    pip install torch
    ros2 launch myogestic_ros bringup.launch.py decoder:=examples/torch_cnn.py

Training runs in a process of its own, which may use the GPU and can be cancelled. The functions
`pipeline.save_model` and `pipeline.load_model` save the model in the format of PyTorch.
"""

import numpy as np
import torch
from torch import nn

from myogestic_ros import Pipeline, TrainingData, iter_windows, report_progress

EPOCHS = 30

torch.set_num_threads(1)  # a single window is too little work for several threads
pipeline = Pipeline(predict_hz=20.0)


def network(n_channels: int, n_classes: int) -> nn.Module:
    """Return a network of two convolutions over time and a linear layer."""
    return nn.Sequential(
        nn.Conv1d(n_channels, 32, kernel_size=9, stride=2),
        nn.ReLU(),
        nn.Conv1d(32, 32, kernel_size=9, stride=4),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(32, n_classes),
    )


class Model:
    """A network, the scale of each input channel, and the class names."""

    def __init__(self, scale, names):
        self.scale, self.names = scale, list(names)
        self.net = network(len(scale), len(names))

    def scaled(self, window):
        """Return windows (…, n_channels, n_samples) as a tensor, scaled to unit variance."""
        return torch.from_numpy(np.asarray(window / self.scale[:, np.newaxis], np.float32))


def save(model: Model, path: str) -> None:
    """Save arrays and names only, so that loading runs no code."""
    values = {'scale': torch.from_numpy(model.scale), 'names': model.names}
    torch.save({**values, 'net': model.net.state_dict()}, path)


def load(path: str) -> Model:
    """Load a model that `save` saved."""
    values = torch.load(path, weights_only=True)
    model = Model(values['scale'].numpy(), values['names'])
    model.net.load_state_dict(values['net'])
    model.net.eval()
    return model


pipeline.save_model, pipeline.load_model = save, load


@pipeline.extract
def extract(windows):
    """Return the window without the offset of the amplifier; the network learns the features."""
    return windows['emg'] - windows['emg'].mean(axis=-1, keepdims=True)


@pipeline.train
def train(data: TrainingData):
    """Train for `EPOCHS` epochs and report the progress after each."""
    torch.manual_seed(0)
    found = list(
        iter_windows(data.paths, 'emg', data.window_ms, data.hop_ms, data.classes, settle_ms=500.0)
    )
    names = sorted({window.class_name for window in found})
    x = np.stack([extract({'emg': window.data}) for window in found])
    y = torch.tensor([names.index(window.class_name) for window in found])
    model = Model(x.std(axis=(0, 2)) + 1e-9, names)
    x = model.scaled(x)
    optimizer = torch.optim.Adam(model.net.parameters(), lr=3e-3)
    for epoch in range(EPOCHS):
        order = torch.randperm(len(x))
        total = 0.0
        for part in order.split(32):
            loss = nn.functional.cross_entropy(model.net(x[part]), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss) * len(part)
        report_progress((epoch + 1) / EPOCHS, f'epoch {epoch + 1}: loss {total / len(x):.3f}')
    model.net.eval()
    return model


@pipeline.predict
def predict(model, window):
    """Return the gesture and the probability of each."""
    with torch.inference_mode():
        probabilities = model.net(model.scaled(window)[None]).softmax(-1)[0].tolist()
    return {
        'label': model.names[int(np.argmax(probabilities))],
        'probabilities': dict(zip(model.names, probabilities, strict=True)),
    }


if __name__ == '__main__':
    pipeline.spin()
