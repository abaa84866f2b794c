-- The scores that people ask for first: all questions, mean over training seeds, fractions of 1.
CREATE VIEW leaderboard AS
SELECT scores.model, scores.method, scores.benchmark, scores.metric, scores.value
FROM scores
LEFT JOIN models ON models.model = scores.model AND models.role = 'policy'
LEFT JOIN methods ON methods.method = scores.method
LEFT JOIN benchmarks ON benchmarks.benchmark = scores.benchmark
WHERE scores.subset = 'all'
ORDER BY
    models.position, methods.position, benchmarks.position, scores.benchmark,
    kind_of(scores.metric), k_of(scores.metric);

-- Scores beside their differences to the first baseline. A tie: the interval of the difference covers 0.
CREATE VIEW comparison AS
SELECT
    scores.* EXCLUDE (subset),
    d.baseline, d.difference, d.low AS difference_low, d.high AS difference_high, d.p, d.p_holm,
    d.seeds AS difference_seeds, d.low <= 0 AND d.high >= 0 AS tie
FROM scores
LEFT JOIN (FROM paired_differences WHERE baseline_position = 0) AS d USING (model, method, benchmark, subset, metric)
WHERE scores.subset = 'all';

-- Pass@k of every question, unbiased, for the k of the experiment.
CREATE VIEW question_pass_at_k AS
SELECT
    s.model, s.method, s.seed, s.benchmark, s.question_id, b.k, s.n, s.n_correct,
    pass_at_k(s.n, s.n_correct, b.k) AS pass_at_k
FROM question_scores AS s
JOIN question_blocks AS b USING (model, method, seed, benchmark, question_id);

-- Training curves: mean over seeds with their smallest and largest value.
CREATE VIEW entropy_curves AS
SELECT
    model, method, total_step, any_value(stage ORDER BY seed) AS stage, count(*) AS seeds,
    avg(entropy) AS entropy, min(entropy) AS entropy_low, max(entropy) AS entropy_high,
    avg(reward) AS reward, min(reward) AS reward_low, max(reward) AS reward_high,
    avg(response_tokens) AS response_tokens,
    min(response_tokens) AS response_tokens_low, max(response_tokens) AS response_tokens_high,
    avg(worked_share) AS worked_share, min(worked_share) AS worked_share_low, max(worked_share) AS worked_share_high
FROM train_metrics
GROUP BY model, method, total_step
ORDER BY model, method, total_step;

-- The probe over training: every method asked the same questions at the same steps.
CREATE VIEW probe_curves AS
SELECT
    model, method, seed, stage, step, count(*) AS questions, any_value(n) AS n,
    avg(n_correct / n) AS pass_1, avg(pass_at_k(n, n_correct, n)) AS pass_n,
    avg(semantic_entropy) AS semantic_entropy, avg(n_answers) AS answers,
    sum(token_entropy * n_tokens) / sum(n_tokens) AS token_entropy, sum(n_tokens) / sum(n) AS response_tokens,
    sum(n_truncated) / sum(n) AS truncated, sum(n_no_answer) / sum(n) AS no_answer
FROM probe
GROUP BY model, method, seed, stage, step
ORDER BY model, method, seed, step;

-- Least-squares fit of reward to token entropy over training steps, R = -a exp(H) + b (Cui et al., arXiv 2505.22617).
-- NULL where entropy does not vary.
CREATE VIEW entropy_fit AS
SELECT
    model, method, count(*) AS steps,
    CASE WHEN min(entropy) < max(entropy) THEN -regr_slope(reward, exp(entropy)) END AS a,
    CASE WHEN min(entropy) < max(entropy) THEN regr_intercept(reward, exp(entropy)) END AS b,
    CASE WHEN min(entropy) < max(entropy) THEN regr_r2(reward, exp(entropy)) END AS r2
FROM entropy_curves
WHERE entropy IS NOT NULL AND reward IS NOT NULL
GROUP BY model, method
ORDER BY model, method;

-- What each stage of a curriculum holds.
CREATE VIEW curriculum_summary AS
SELECT
    model, curriculum, stage, count(*) AS questions, count(*) FILTER (rehearsal) AS rehearsal,
    avg(semantic_entropy) AS mean_semantic_entropy,
    min(semantic_entropy) AS lowest, max(semantic_entropy) AS highest, avg(accuracy) AS accuracy
FROM curriculum
GROUP BY model, curriculum, stage
ORDER BY model, curriculum, stage;

-- Where an order puts each question: `place` is from 1, over all stages.
CREATE VIEW curriculum_places AS
SELECT
    model, curriculum, question_id, stage, position, score,
    row_number() OVER (PARTITION BY model, curriculum ORDER BY stage, position) AS place
FROM curriculum
WHERE stage IS NOT NULL AND NOT coalesce(rehearsal, false)
ORDER BY model, curriculum, place;

-- Spearman's correlation of the places that two orders give to the questions of both, which have no ties.
CREATE VIEW curriculum_correlations AS
WITH both_orders AS (
    SELECT
        a.model, a.curriculum, b.curriculum AS other,
        row_number() OVER (PARTITION BY a.model, a.curriculum, b.curriculum ORDER BY a.place) AS place_a,
        row_number() OVER (PARTITION BY a.model, a.curriculum, b.curriculum ORDER BY b.place) AS place_b
    FROM curriculum_places AS a
    JOIN curriculum_places AS b USING (model, question_id)
)
SELECT model, curriculum, other, count(*) AS questions, corr(place_a, place_b) AS spearman
FROM both_orders
GROUP BY model, curriculum, other
ORDER BY model, curriculum, other;

-- Responses that gave no answer to grade, and why.
CREATE VIEW truncation AS
SELECT
    model, method, seed, benchmark, sum(n) AS responses,
    sum(n_truncated) / sum(n) AS truncated, sum(n_no_answer) / sum(n) AS no_answer,
    sum(n_ungraded) / sum(n) AS ungraded, avg(mean_tokens) AS mean_tokens
FROM question_scores
GROUP BY model, method, seed, benchmark
ORDER BY model, method, seed, benchmark;

-- Answers on which our verdict and the paper's string match differ, most frequent first.
CREATE VIEW grader_disagreement AS
SELECT
    r.benchmark, r.question_id, q.answer AS gold, r.extracted, r.verdict, r.paper_match, count(*) AS responses
FROM responses AS r
JOIN questions AS q ON q.dataset = r.benchmark AND q.question_id = r.question_id
WHERE (r.verdict = 'correct') <> r.paper_match
GROUP BY ALL
ORDER BY responses DESC, r.benchmark, r.question_id, r.extracted;

-- Questions that only one method of a model ever solved.
CREATE VIEW solved_only_by AS
SELECT
    s.model, s.benchmark, s.question_id, min(s.method) AS method, sum(s.n_correct) AS correct, sum(s.n) AS responses
FROM question_scores AS s
WHERE s.n_correct > 0
GROUP BY s.model, s.benchmark, s.question_id
HAVING count(DISTINCT s.method) = 1
ORDER BY ALL;

-- Spread over training seeds apart from spread over evaluation seeds.
CREATE VIEW seed_spread AS
SELECT model, method, benchmark, metric, seeds, value, sd_training, sd_evaluation
FROM scores
WHERE subset = 'all' AND (sd_training IS NOT NULL OR sd_evaluation IS NOT NULL)
ORDER BY ALL;

-- Recorded verdicts beside ours.
CREATE VIEW recorded_agreement AS
SELECT
    s.model, count(*) AS responses, count(*) FILTER ((v.verdict = 'correct') = s.recorded_correct) AS equal,
    count(*) FILTER (v.verdict = 'correct' AND NOT s.recorded_correct) AS only_ours,
    count(*) FILTER (v.verdict <> 'correct' AND s.recorded_correct) AS only_recorded
FROM samples AS s
JOIN verdicts AS v USING (model, question_id, sample)
WHERE s.recorded_correct IS NOT NULL
GROUP BY s.model
ORDER BY s.model;

-- The paper's Table I (pass@k) and Table II (avg@k), in percent, in its columns.
CREATE VIEW paper_table_1 AS
SELECT
    model, benchmark, metric,
    round(100 * any_value(value) FILTER (method = 'base'), 2) AS base,
    round(100 * any_value(value) FILTER (method = 'grpo'), 2) AS grpo,
    round(100 * any_value(value) FILTER (method = 'en'), 2) AS en,
    round(100 * any_value(value) FILTER (method = 'adv'), 2) AS adv,
    round(100 * any_value(value) FILTER (method = 'mask'), 2) AS mask,
    round(100 * any_value(value) FILTER (method = 'clip_cov'), 2) AS clip_cov,
    round(100 * any_value(value) FILTER (method = 'kl_cov'), 2) AS kl_cov,
    round(100 * any_value(value) FILTER (method = 'high_en'), 2) AS high_en,
    round(100 * any_value(value) FILTER (method = 'sent'), 2) AS sent
FROM scores
WHERE subset = 'all' AND metric LIKE 'pass@%'
GROUP BY model, benchmark, metric
ORDER BY model, benchmark, k_of(metric);

CREATE VIEW paper_table_2 AS
SELECT
    model, benchmark, metric,
    round(100 * any_value(value) FILTER (method = 'base'), 2) AS base,
    round(100 * any_value(value) FILTER (method = 'grpo'), 2) AS grpo,
    round(100 * any_value(value) FILTER (method = 'en'), 2) AS en,
    round(100 * any_value(value) FILTER (method = 'adv'), 2) AS adv,
    round(100 * any_value(value) FILTER (method = 'mask'), 2) AS mask,
    round(100 * any_value(value) FILTER (method = 'clip_cov'), 2) AS clip_cov,
    round(100 * any_value(value) FILTER (method = 'kl_cov'), 2) AS kl_cov,
    round(100 * any_value(value) FILTER (method = 'high_en'), 2) AS high_en,
    round(100 * any_value(value) FILTER (method = 'sent'), 2) AS sent
FROM scores
WHERE subset = 'all' AND metric LIKE 'avg@%'
GROUP BY model, benchmark, metric
ORDER BY model, benchmark, k_of(metric);

-- Published figures beside ours; of methods that did not run, the published one alone. `ours_paper_mode`: blocks of k
-- answers, matched as strings.
CREATE VIEW vs_published AS
WITH whole AS (FROM scores WHERE subset = 'all')
SELECT
    p.source, p.model, p.benchmark, p.metric, p.method, p.value AS published, s.value AS ours,
    s.value - p.value AS difference, s.low, s.high, p.value BETWEEN s.low AND s.high AS inside,
    paper_mode.value AS ours_paper_mode,
    (SELECT json_object(
        'evaluation', settings -> '$.evaluation.decoding', 'n', settings -> '$.evaluation.n',
        'training', settings -> '$.training.decoding', 'prompts_per_step', settings -> '$.training.prompts_per_step',
        'seeds', settings -> '$.seeds'
    ) FROM experiment) AS settings
FROM published AS p
SEMI JOIN whole AS there ON (there.model, there.benchmark, there.metric) = (p.model, p.benchmark, p.metric)
LEFT JOIN whole AS s ON (s.model, s.benchmark, s.metric, s.method) = (p.model, p.benchmark, p.metric, p.method)
LEFT JOIN whole AS paper_mode
    ON (paper_mode.model, paper_mode.benchmark, paper_mode.method) = (s.model, s.benchmark, s.method)
    AND paper_mode.metric = 'paper_' || s.metric
ORDER BY p.model, p.benchmark, p.metric, p.method;

-- Base models beside published averages. Off by more than 3 points and outside the interval: find out why before training.
CREATE VIEW baseline_check AS
SELECT
    p.source, p.model, p.benchmark, s.metric, p.value AS published, s.value AS ours, s.low, s.high,
    abs(s.value - p.value) > 0.03 AND p.value NOT BETWEEN s.low AND s.high AS off
FROM published AS p
JOIN scores AS s ON (s.model, s.benchmark, s.method) = (p.model, p.benchmark, p.method)
WHERE p.metric = 'avg' AND s.subset = 'all' AND s.metric = (
    SELECT arg_max(metric, k_of(metric)) FROM scores
    WHERE metric LIKE 'avg@%' AND value IS NOT NULL
)
ORDER BY p.model, p.benchmark;

-- The entailment model's label against mathematics, over the same pairs.
CREATE VIEW entailment_confusion AS
SELECT
    model, math_verify AS equal, count(*) FILTER (label = 'entailment') AS entailment,
    count(*) FILTER (label = 'neutral') AS neutral, count(*) FILTER (label = 'contradiction') AS contradiction,
    avg((math_verify = (label = 'entailment'))::INTEGER) AS agreement
FROM calibration
GROUP BY model, math_verify
ORDER BY model, math_verify;
