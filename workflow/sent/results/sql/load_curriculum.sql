INSERT INTO curriculum BY NAME
SELECT
    $model AS model, $curriculum AS curriculum,
    question_id, stage, position, score, semantic_entropy, accuracy, rehearsal, why
FROM read_parquet($path);
