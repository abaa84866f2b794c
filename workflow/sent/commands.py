"""The commands of ``python -m sent``: the module of each, and a line of help."""

COMMANDS = {
    "data": ("sent.data.command", "read or generate questions"),
    "overlap": ("sent.data.overlap_command", "find benchmark questions among the training questions"),
    "models": ("sent.models.command", "fetch a model, or pretrain an embedded one"),
    "nli": ("sent.models.nli_command", "fetch an entailment model, or train the embedded one"),
    "sampling": ("sent.sampling.command", "sample responses to questions"),
    "grading": ("sent.grading.command", "grade sampled responses against the gold answers"),
    "grade": ("sent.grading.grade_command", "grade anybody's outputs: JSONL in, JSONL out"),
    "semantic-entropy": (
        "sent.semantic_entropy.command",
        "cluster responses by meaning; entropy over clusters",
    ),
    "curriculum": ("sent.curriculum.command", "sort questions into stages by semantic entropy"),
    "train": ("sent.training.command", "train a policy by reinforcement learning with verifiable rewards"),
    "evaluation": ("sent.evaluation.command", "sample and grade the benchmarks with a policy"),
    "results": ("sent.results.command", "build the database, tables, figures and report"),
    "sql": ("sent.results.sql_command", "query an experiment's database"),
    "rollouts": ("sent.results.rollouts_command", "read responses that training kept, also while it runs"),
    "status": ("sent.results.status_command", "what a run has done, does and still has to do"),
    "plan": ("sent.plan.command", "memory, time, GPU-hours and disk of an experiment, before it is run"),
    "launch": ("sent.launch_command", "start a command on GPUs of its own, on one or more machines"),
    "schema": ("sent.schema_command", "write the JSON schema of the config files"),
}
ALIASES = {
    "training": "train",
    "semantic_entropy": "semantic-entropy",
    "sample": "sampling",
    "evaluate": "evaluation",
}
