-- The responses of one evaluated policy.
INSERT INTO responses BY NAME
SELECT
    $model AS model, $method AS method, $seed AS seed,
    r.benchmark, r.question_id, r.sample, text, n_tokens, logprob_sum, finish_reason, prompt_hash,
    extracted, verdict, paper_match, verdict_reason, "cluster"
FROM read_parquet($path) AS r POSITIONAL JOIN read_parquet($verdicts) AS v;
