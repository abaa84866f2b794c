"""Stage `sampling`: responses of a policy to questions, by any backend behind one interface."""
