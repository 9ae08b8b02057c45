# All faults in full: a quarter of an hour on two cores. FIGURES=file keeps what they met.
faults:
	FAULTS=full .venv/bin/pytest tests/faults

.PHONY: faults
