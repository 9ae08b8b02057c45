# All faults in full: a quarter of an hour on two cores. FIGURES=file keeps what they met.
faults:
	FAULTS=full .venv/bin/pytest tests/faults

# What is made of the program for its documents: docs/configuration.md and others.
documents:
	.venv/bin/python -m tools

.PHONY: documents faults
