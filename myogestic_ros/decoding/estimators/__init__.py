"""scikit-learn estimators of this package."""
