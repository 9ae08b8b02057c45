# All faults in full: some minutes on two cores. FIGURES=file keeps what they met.
faults:
	FAULTS=full .venv/bin/pytest tests/faults

.PHONY: faults
