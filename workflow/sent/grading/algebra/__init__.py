"""math-verify in worker processes that can be killed, for what arithmetic leaves open."""
