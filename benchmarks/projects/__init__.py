"""Public Django projects whose own rows answer, with a few lines of `docchat.py` in each."""
