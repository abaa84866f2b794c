INSERT INTO probe BY NAME
SELECT
    $model AS model, $method AS method, $seed AS seed,
    stage, step, question_id, n, n_correct, n_no_answer, n_truncated, n_answers, semantic_entropy, n_tokens, token_entropy
FROM read_parquet($path)
SEMI JOIN (FROM questions WHERE dataset = 'probe') USING (question_id)
ORDER BY step, question_id;
