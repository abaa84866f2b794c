INSERT INTO verdicts BY NAME
SELECT
    $model AS model,
    question_id, sample, extracted, verdict, paper_match, verdict_reason
FROM read_parquet($path);
