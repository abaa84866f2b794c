INSERT INTO samples BY NAME
SELECT
    $model AS model,
    question_id, sample, text, n_tokens, logprob_sum, finish_reason, prompt_hash, recorded_correct
FROM read_parquet($path);
