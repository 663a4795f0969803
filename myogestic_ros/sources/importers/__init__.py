"""Import recordings from CSV, NPZ, MATLAB and XDF files."""
