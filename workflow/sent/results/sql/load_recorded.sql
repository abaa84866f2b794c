-- The recorded responses of one model as those of an evaluated policy: its questions are the benchmark.
INSERT INTO responses BY NAME
SELECT
    $model AS model, $method AS method, $seed AS seed, 'train' AS benchmark,
    question_id, sample, samples.text, samples.n_tokens, samples.logprob_sum, samples.finish_reason, samples.prompt_hash,
    verdicts.extracted, verdicts.verdict, verdicts.paper_match, verdicts.verdict_reason,
    clusters."cluster"
FROM samples JOIN verdicts USING (model, question_id, sample) LEFT JOIN clusters USING (model, question_id, sample)
WHERE model = $model
ORDER BY question_id, sample;
