"""Stage `models`: policies and entailment models as folders that transformers loads, with provenance."""
