SELECT model, label, accuracy FROM models WHERE role = 'entailment' ORDER BY position;
