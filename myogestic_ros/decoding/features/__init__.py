"""EMG features: time domain, spectrum, covariance."""
