"""Stage `training`: reinforcement learning with verifiable rewards."""
