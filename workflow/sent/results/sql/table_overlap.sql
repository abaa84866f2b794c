-- Scores with and without the benchmark questions that stand among the training questions.
SELECT
    whole.model, whole.method, whole.benchmark, whole.metric,
    whole.value AS all_questions, clean.value AS clean_questions,
    whole.n_questions, whole.n_questions - clean.n_questions AS n_overlapping
FROM scores AS whole
JOIN scores AS clean USING (model, method, benchmark, metric)
WHERE whole.subset = 'all' AND clean.subset = 'clean' AND whole.value IS NOT NULL
    AND (whole.metric LIKE 'pass@%' OR whole.metric LIKE 'avg@%')
ORDER BY ALL;
