"""EMG features, from the time domain to covariances."""
