"""What an experiment will need, estimated before it is run: memory, time, GPU-hours, disk. Formulas: docs/plan.md."""
