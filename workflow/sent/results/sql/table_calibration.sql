FROM entailment_confusion;
