"""Model files name no internal module of the package, and still load after modules were moved."""

from __future__ import annotations

import ast
import inspect
import io
import json
import pickle
import pickletools
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer
from support.arm_session import write_arm
from support.recorded import synthetic_emg, write_signal
from support.trained import data_of
from typer.testing import CliRunner

import myogestic_ros
from myogestic_ros import estimators
from myogestic_ros.cli.__main__ import app
from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.models.model_store import FORMAT, Manifest, ModelStore
from myogestic_ros.core.models.serialization import load_pickle
from myogestic_ros.core.public_address import PUBLIC_ADDRESS
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.decoding.decoders import htd_lda
from myogestic_ros.decoding.decoders.named_decoder import named_decoder
from myogestic_ros.decoding.decoders.recipes import recipe, recipe_names
from myogestic_ros.decoding.features.registry import FEATURES

PACKAGE = Path(myogestic_ros.__file__).parent
RATE = 1000.0
CLASSIFIERS = [name for name in recipe_names() if recipe(name).kind == 'classification']
REGRESSORS = [name for name in recipe_names() if recipe(name).kind == 'regression']
EMG = StreamSpec('emg', 200.0)
OLD_NAMES = {
    'moved module': ('myogestic_ros.decoding.tangent_space', 'TangentSpace'),
    'moved class': ('myogestic_ros.decoding.estimators.tangent_space', 'TangentMap'),
    'removed name': (PUBLIC_ADDRESS, 'TangentMap'),
}
"""Names in models of other versions, none of which exists."""


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('sessions')


@pytest.fixture(scope='module')
def session(folder: Path) -> Path:
    return write_signal(folder / 'first', *synthetic_emg(seconds=1.0, repetitions=2), RATE)


@pytest.fixture(scope='module')
def later(folder: Path) -> Path:
    return write_signal(folder / 'later', *synthetic_emg(seconds=1.0, repetitions=1, seed=5), RATE)


@pytest.fixture(scope='module')
def arm(folder: Path) -> Path:
    return write_arm(folder / 'arm', cue_s=1.0)


def named_in_pickle(model: Any) -> set[str]:
    """Return the modules of this package that a pickle of a model names."""
    text = pickle.dumps(model, protocol=2)  # this protocol has one opcode for every name
    modules = {
        str(argument).split()[0]
        for opcode, argument, _ in pickletools.genops(text)
        if opcode.name == 'GLOBAL'
    }
    return {module for module in modules if module.split('.')[0] == 'myogestic_ros'}


@pytest.mark.parametrize('name', [*CLASSIFIERS, 'sklearn.neighbors:KNeighborsClassifier'])
def test_classifier_names_only_the_public_address(name: str, session: Path, later: Path) -> None:
    model = named_decoder(name).callbacks.train(data_of(session))
    assert model.memory is not None
    assert named_in_pickle(model) == {PUBLIC_ADDRESS}
    adapted = named_decoder(name).callbacks.adapt(model, data_of(later))
    assert adapted.memory is not None
    assert named_in_pickle(adapted) == {PUBLIC_ADDRESS}


@pytest.mark.parametrize('name', [*REGRESSORS, 'sklearn.linear_model:Ridge(alpha=0.5)'])
def test_regressor_names_only_the_public_address(name: str, arm: Path) -> None:
    model = named_decoder(name).callbacks.train(data_of(arm, targets=['glove']))
    assert named_in_pickle(model) == {PUBLIC_ADDRESS}


def test_copied_decoder_names_only_the_public_address(session: Path, later: Path) -> None:
    model = htd_lda.train(data_of(session))
    assert named_in_pickle(model) == {PUBLIC_ADDRESS}
    assert named_in_pickle(htd_lda.adapt(model, data_of(later))) == {PUBLIC_ADDRESS}


@pytest.mark.parametrize('name', [*FEATURES, 'extract'])
def test_feature_in_a_transformer_names_only_the_public_address(name: str) -> None:
    functions = {recipe(name).extract for name in recipe_names()}
    for function in functions if name == 'extract' else {FEATURES[name]}:
        step = FunctionTransformer(function)
        assert named_in_pickle(step) == {PUBLIC_ADDRESS}
        assert pickle.loads(pickle.dumps(step)).func is function


@pytest.mark.parametrize('name', estimators.__all__)
def test_public_name_resolves_to_the_object_itself(name: str) -> None:
    item = getattr(estimators, name)
    assert (item.__module__, item.__qualname__) == (PUBLIC_ADDRESS, name)
    assert pickle.loads(pickle.dumps(item)) is item
    assert inspect.getdoc(item)
    assert inspect.signature(item)
    functions = (
        filter(inspect.isfunction, vars(item).values()) if inspect.isclass(item) else [item]
    )
    for function in functions:
        if function.__code__.co_filename.startswith(str(PACKAGE)):  # not made by @dataclass
            assert f'def {function.__name__}(' in inspect.getsource(function)


def test_every_decorated_definition_is_at_the_public_address() -> None:
    found = {
        node.name
        for path in PACKAGE.rglob('*.py')
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Name) and decorator.id == 'public_address'
    }
    assert found == set(estimators.__all__)


def test_every_estimator_is_at_the_public_address() -> None:
    classes = {
        node.name
        for folder in ('estimators', 'decoders')
        for path in (PACKAGE / 'decoding' / folder).glob('*.py')
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(node, ast.ClassDef) and node.name != 'Recipe'  # never part of a model
    }
    assert classes <= set(estimators.__all__)


def run(code: str, folder: Path, path: Path = PACKAGE.parent) -> str:
    """Run code in a fresh interpreter; return what it printed."""
    found = subprocess.run(
        [sys.executable, '-c', code, str(folder)],
        cwd=folder,  # Python searches it before PYTHONPATH
        env={'PYTHONPATH': str(path), 'PATH': '/usr/bin:/bin'},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


LOAD = """
import sys
from pathlib import Path
import joblib
import numpy as np
folder = Path(sys.argv[1])
model = joblib.load(folder / 'model.joblib')
features = np.load(folder / 'features.npy')
print([[f'{p:.6f}' for p in model.probabilities(x)] for x in features])
print([name for name in sys.modules if name == 'myogestic_ros.decoding'])
"""


@pytest.fixture
def saved(session: Path, tmp_path: Path) -> tuple[Path, str]:
    """A trained model in a folder, with features, and what it predicts for them."""
    model = named_decoder('riemann').callbacks.train(data_of(session))
    features = model.memory.features[::20].astype(np.float64)
    joblib.dump(model, tmp_path / 'model.joblib')
    np.save(tmp_path / 'features.npy', features)
    return tmp_path, str([[f'{p:.6f}' for p in model.probabilities(x)] for x in features])


def test_model_loads_in_a_fresh_process(saved: tuple[Path, str]) -> None:
    folder, expected = saved
    assert run(LOAD, folder).splitlines() == [expected, "['myogestic_ros.decoding']"]


def test_model_loads_after_every_module_has_moved(saved: tuple[Path, str]) -> None:
    folder, expected = saved
    moved = folder / 'moved' / 'myogestic_ros'
    shutil.copytree(PACKAGE, moved, ignore=shutil.ignore_patterns('__pycache__', '*.so'))
    (moved / 'decoding').rename(moved / 'elsewhere')
    for path in moved.rglob('*.py'):
        text = path.read_text(encoding='utf-8')
        path.write_text(text.replace('myogestic_ros.decoding', 'myogestic_ros.elsewhere'))
    assert run(LOAD, folder, moved.parent).splitlines() == [expected, '[]']


@pytest.mark.parametrize(
    'first', ['decoding.estimators.tangent_space', 'decoding.decoders.recipes', 'estimators']
)
def test_address_does_not_depend_on_the_order_of_imports(first: str, tmp_path: Path) -> None:
    code = f"""
import pickle
import myogestic_ros.{first}
from myogestic_ros.decoding.estimators.tangent_space import TangentSpace
text = pickle.dumps(TangentSpace())
print(b'myogestic_ros.estimators' in text, type(pickle.loads(text)) is TangentSpace)
"""
    assert run(code, tmp_path) == 'True True\n'


class Stand:
    """An object whose pickle is the name in `OLD_NAMES`."""


def renamed(model: Any, module: str, name: str) -> bytes:
    """Return the pickle of a model in which `Stand` has another module and name."""
    text = pickle.dumps(model, protocol=0)
    line = f'c{__name__}\nStand\n'.encode()
    assert line in text
    return text.replace(line, f'c{module}\n{name}\n'.encode())


@pytest.fixture(params=OLD_NAMES)
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ModelStore, str]:
    """A store with a model of another version, and the name that this version does not have."""
    module, name = OLD_NAMES[request.param]
    store = ModelStore(tmp_path / 'models')
    store.save(
        'm',
        Stand,
        Manifest('riemann', [EMG], 50.0, 50.0, ['rest', 'fist']),
        lambda model, path: Path(path).write_bytes(renamed(model, module, name)),
    )
    return store, module if request.param == 'moved module' else f'{module}.{name}'


def test_model_with_an_unknown_name_is_refused(foreign: tuple[ModelStore, str]) -> None:
    store, missing = foreign
    with pytest.raises(ModelError) as refusal:
        store.load('m', [EMG])
    assert str(refusal.value) == (
        f"Model 'm' was saved by another version of myogestic_ros: it contains '{missing}', which "
        f'this version does not have; train it again.'
    )


def test_model_file_with_an_unknown_name_is_refused(foreign: tuple[ModelStore, str]) -> None:
    store, missing = foreign
    path = store.folder / 'm.joblib'
    with pytest.raises(ModelError) as refusal:
        load_pickle(path)
    assert str(refusal.value).startswith(f"Model file '{path}' was saved by another version of")
    assert f"contains '{missing}', which this version does not have; train it again." in str(
        refusal.value
    )


def test_own_loader_gets_the_same_sentence(foreign: tuple[ModelStore, str]) -> None:
    store, missing = foreign
    with pytest.raises(ModelError, match=f"contains '{missing}', .* train it again"):
        store.load('m', [EMG], lambda path: pickle.load(io.BytesIO(Path(path).read_bytes())))


def test_missing_module_of_the_user_is_not_taken_for_ours(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.save(
        'm',
        Stand,
        Manifest('mine.py', [EMG], 50.0, 50.0, []),
        lambda model, path: Path(path).write_bytes(renamed(model, 'my_lab.models', 'Net')),
    )
    with pytest.raises(ModelError, match=r"cannot be loaded: .*my_lab.*decoder 'mine\.py'"):
        store.load('m', [EMG])


OLD_FORMAT = (
    "Model 'm' was saved by another version of myogestic_ros (format 'myogestic_ros/model/1', "
    f"expected '{FORMAT}'); train it again."
)


@pytest.fixture
def old_models(tmp_path: Path) -> Path:
    """A folder with a model of before the modules were moved."""
    store = ModelStore(tmp_path / 'models')
    manifest = Manifest('riemann', [EMG], 50.0, 50.0, ['rest', 'fist'])
    module, name = OLD_NAMES['moved module']
    store.save(
        'm', Stand, manifest, lambda m, path: Path(path).write_bytes(renamed(m, module, name))
    )
    file = store.folder / 'm.json'
    values = {**json.loads(file.read_text()), 'format': 'myogestic_ros/model/1'}
    file.write_text(json.dumps(values))
    return store.folder


def test_model_of_the_old_layout_is_refused(old_models: Path) -> None:
    with pytest.raises(ModelError) as refusal:
        ModelStore(old_models).load('m', [EMG])
    assert str(refusal.value) == OLD_FORMAT


@pytest.mark.parametrize('name', ['m', ''])
def test_command_line_refuses_a_model_of_the_old_layout(
    old_models: Path, session: Path, name: str
) -> None:
    words = ['replay', str(session), '--model-dir', str(old_models)]
    result = CliRunner().invoke(app, [*words, *(['--model', name] if name else [])])
    assert result.exit_code == 1, result.output
    said = re.sub(r'\s+', ' ', result.output)
    assert OLD_FORMAT in said
    assert 'Traceback' not in said
