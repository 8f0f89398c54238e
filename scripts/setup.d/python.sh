# Python for training and the golden files: .venv/ sees the system's PyTorch, SciPy and
# scikit-learn, and adds what scripts/requirements.txt names.

install_python_packages() {
  local python wanted
  python=$(system_python)
  wanted="$(sha256sum < scripts/requirements.txt) $("$python" -V) $ROOT"
  if stamp_is python "$wanted" && [ -x .venv/bin/python ]; then
    return
  fi
  rm -rf .venv
  "$python" -m venv --system-site-packages .venv
  .venv/bin/python -m pip install --disable-pip-version-check -r scripts/requirements.txt
  set_stamp python "$wanted"
  report "installed scripts/requirements.txt into .venv/"
}
