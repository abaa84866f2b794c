-- Tables of results.duckdb. Every table has its rows in the order of its key, so equal inputs give equal rows.

-- The run itself: one row.
CREATE TABLE experiment (
    name VARCHAR,
    settings JSON,          -- all settings, with defaults filled in
    versions JSON           -- versions of Python and of the packages that matter
);

-- Policies and entailment models.
CREATE TABLE models (
    model VARCHAR,
    position INTEGER,       -- order in the experiment; entailment models follow the policies
    role VARCHAR,           -- policy or entailment
    label VARCHAR,          -- name in tables and figures
    scale VARCHAR,          -- parameters as written in tables, such as 1.5B
    accuracy DOUBLE,        -- of an embedded entailment model, on held-out pairs
    provenance JSON         -- where its weights come from
);

CREATE TABLE methods (method VARCHAR, position INTEGER, label VARCHAR, settings JSON);

CREATE TABLE benchmarks (benchmark VARCHAR, position INTEGER, label VARCHAR, settings JSON);

CREATE TABLE curricula (curriculum VARCHAR, position INTEGER, label VARCHAR, settings JSON);

CREATE TABLE questions (
    dataset VARCHAR,        -- train, probe, or the benchmark's name
    question_id VARCHAR,    -- unique inside its dataset
    question VARCHAR,
    answer VARCHAR,         -- gold
    category VARCHAR        -- family, subject or level where the source names one
);

-- Responses of the initial policies to the training questions.
CREATE TABLE samples (
    model VARCHAR, question_id VARCHAR, sample INTEGER, text VARCHAR, n_tokens INTEGER,
    logprob_sum DOUBLE,     -- nats, at the decoding temperature
    finish_reason VARCHAR,  -- stop, length or unknown
    prompt_hash VARCHAR,
    recorded_correct BOOLEAN -- verdict that came with recorded responses
);

-- Verdicts on samples. Those on benchmark responses stand in `responses`.
CREATE TABLE verdicts (
    model VARCHAR, question_id VARCHAR, sample INTEGER,
    extracted VARCHAR,      -- the final answer found in the text
    verdict VARCHAR,        -- correct, wrong, no_answer, truncated, timeout or error
    paper_match BOOLEAN,    -- plain string match, as the paper's grader does it
    verdict_reason VARCHAR  -- the rule that decided
);

CREATE TABLE clusters (
    model VARCHAR, question_id VARCHAR, sample INTEGER,
    "cluster" INTEGER,      -- meaning, counted from 0 in order of first appearance; -1: dropped
    decided_by VARCHAR      -- exact, math_verify, nli, embedding, first (opened a cluster), unparsable
);

-- Entropies in nats over the clusters of one question; `semantic_entropy` is the discrete estimator.
CREATE TABLE semantic_entropy (
    model VARCHAR, question_id VARCHAR, n_samples INTEGER, n_unparsable INTEGER, n_clusters INTEGER,
    semantic_entropy DOUBLE, standard_error DOUBLE, rao_blackwell DOUBLE, normalised DOUBLE,
    miller_madow DOUBLE, chao_shen DOUBLE, predictive_entropy DOUBLE,
    accuracy DOUBLE,        -- share of correct samples
    mean_token_nll DOUBLE, mean_tokens DOUBLE
);

CREATE TABLE curriculum (
    model VARCHAR,
    curriculum VARCHAR,     -- the name of the order
    question_id VARCHAR,
    stage INTEGER,          -- from 1
    position INTEGER,       -- from 0 inside the stage
    score DOUBLE,           -- what the order sorts by
    semantic_entropy DOUBLE, accuracy DOUBLE, rehearsal BOOLEAN, why VARCHAR
);

-- What the entailment model and mathematics say about the same pairs of different answers.
CREATE TABLE calibration (
    model VARCHAR,          -- the policy whose samples they come from
    question_id VARCHAR, premise VARCHAR, hypothesis VARCHAR,
    math_verify BOOLEAN,    -- mathematics says that they are equal
    label VARCHAR,          -- contradiction, neutral or entailment
    p_contradiction DOUBLE, p_neutral DOUBLE, p_entailment DOUBLE
);

-- One trained stage of one run.
CREATE TABLE train_runs (
    model VARCHAR, method VARCHAR, seed INTEGER, stage INTEGER,
    steps INTEGER,          -- rows of train_metrics
    seconds DOUBLE,         -- summed over steps
    tokens BIGINT,          -- of prompts and responses, summed over steps
    summary JSON            -- train.json
);

-- One rollout step. Whatever else training logs becomes a column here, too.
CREATE TABLE train_metrics (
    model VARCHAR, method VARCHAR, seed INTEGER, stage INTEGER,
    step INTEGER,           -- as training counts it
    total_step INTEGER,     -- from 1, over all stages of a run
    reward DOUBLE, entropy DOUBLE, response_tokens DOUBLE, worked_share DOUBLE, truncated_share DOUBLE,
    tokens_per_second DOUBLE, seconds DOUBLE, memory_mb DOUBLE
);

-- A few responses of each rollout step.
CREATE TABLE rollouts (
    model VARCHAR, method VARCHAR, seed INTEGER, stage INTEGER, step INTEGER,
    total_step INTEGER,     -- from 1, over all stages of a run
    question_id VARCHAR,    -- of a training question
    sample INTEGER,         -- number of the response in its step
    response VARCHAR,
    reward DOUBLE, advantage DOUBLE, verdict VARCHAR, truncated BOOLEAN
);

-- What a policy answered to a probe question on its way. Questions that a benchmark added later holds are left out.
CREATE TABLE probe (
    model VARCHAR, method VARCHAR, seed INTEGER, stage INTEGER,
    step INTEGER,           -- over all stages of a run; 0: the policy that training starts from
    question_id VARCHAR,
    n INTEGER,              -- responses
    n_correct INTEGER,
    n_no_answer INTEGER,    -- no final answer found, cut short or not
    n_truncated INTEGER,    -- ended by the length limit
    n_answers INTEGER,      -- different ones, as the grader compares them
    semantic_entropy DOUBLE, -- over them, in nats; responses without an answer do not count
    n_tokens INTEGER,       -- of all n responses
    token_entropy DOUBLE    -- of the whole vocabulary's distribution, in nats, mean over these tokens
);

-- Graded responses of evaluated policies to benchmark questions.
CREATE TABLE responses (
    model VARCHAR, method VARCHAR, seed INTEGER, benchmark VARCHAR, question_id VARCHAR, sample INTEGER,
    text VARCHAR, n_tokens INTEGER, logprob_sum DOUBLE, finish_reason VARCHAR, prompt_hash VARCHAR,
    extracted VARCHAR, verdict VARCHAR, paper_match BOOLEAN, verdict_reason VARCHAR,
    "cluster" INTEGER       -- answers that the grader takes for one another, counted from 0; -1: no answer
);

-- Responses counted by question.
CREATE TABLE question_scores (
    model VARCHAR, method VARCHAR, seed INTEGER, benchmark VARCHAR, question_id VARCHAR,
    n INTEGER,              -- responses
    n_correct INTEGER,
    n_paper_match INTEGER,
    n_truncated INTEGER,    -- ended by the length limit
    n_no_answer INTEGER,    -- no final answer found, cut short or not
    n_ungraded INTEGER,     -- verdict timeout or error
    mean_tokens DOUBLE,
    majority_correct BOOLEAN, -- the most frequent answer is right
    n_answers INTEGER,      -- different ones, as the grader compares them
    semantic_entropy DOUBLE -- over them, in nats; responses without an answer do not count
);

-- The same for the first k responses and for consecutive blocks of k of them.
CREATE TABLE question_blocks (
    model VARCHAR, method VARCHAR, seed INTEGER, benchmark VARCHAR, question_id VARCHAR, k INTEGER,
    blocks INTEGER,         -- whole blocks of k
    blocks_paper_match INTEGER, -- blocks in which some answer matches as a string
    first_correct INTEGER,  -- correct ones among the first k responses; NULL if there are fewer
    first_paper_match INTEGER,
    majority_correct BOOLEAN -- the most frequent answer among the first k is right
);

-- Benchmark questions whose text also stands among the training questions.
CREATE TABLE overlap (
    benchmark VARCHAR, question_id VARCHAR, train_question_id VARCHAR,
    shared DOUBLE           -- share of the benchmark question's word n-grams found in the training question
);

-- One score of one evaluated policy. Rates are fractions of 1; intervals are 95% bootstrap over questions.
CREATE TABLE metrics (
    model VARCHAR, method VARCHAR, seed INTEGER,
    benchmark VARCHAR,      -- `average`: mean over the benchmarks
    subset VARCHAR,         -- all questions, or clean: without those in `overlap`
    metric VARCHAR,         -- see docs/database.md
    value DOUBLE,           -- NULL where a question has too few responses for the metric
    low DOUBLE, high DOUBLE,
    n_questions INTEGER,
    n_responses INTEGER     -- a question, the fewest
);

-- The same, averaged over training seeds.
CREATE TABLE scores (
    model VARCHAR, method VARCHAR, benchmark VARCHAR, subset VARCHAR, metric VARCHAR,
    value DOUBLE, low DOUBLE, high DOUBLE, n_questions INTEGER,
    seeds INTEGER,
    sd_training DOUBLE,     -- standard deviation over training seeds; NULL with one seed and for untrained models
    sd_evaluation DOUBLE    -- standard deviation of one seed's value over repeated evaluations of its policy
);

-- Method minus a baseline, paired by training seed and question. With two seeds or more, low, high and p are over seeds and
-- questions; with one, low and high are over questions, and there is no p: one training proves nothing about a method.
-- Recorded responses: model minus the first model, with p by sign flips. p_holm is corrected over one comparison's methods.
CREATE TABLE paired_differences (
    model VARCHAR, method VARCHAR, benchmark VARCHAR, subset VARCHAR, metric VARCHAR,
    baseline VARCHAR,
    baseline_position INTEGER, -- among those of the experiment; 0: that of tables and figures
    difference DOUBLE, low DOUBLE, high DOUBLE, p DOUBLE, p_holm DOUBLE, n_questions INTEGER,
    seeds INTEGER           -- that both methods were trained with
);

-- Published figures, as fractions of 1. Source Table I and II: arXiv 2512.04359; A Sober Look: anchors of base models; verl
-- baselines: the page of baselines in verl's documentation.
CREATE TABLE published (
    source VARCHAR, model VARCHAR, benchmark VARCHAR, metric VARCHAR, method VARCHAR, value DOUBLE
);

-- Every file that this database was built from, and every file of the models that it began with.
CREATE TABLE artefacts (
    path VARCHAR,           -- below the experiment's folder
    stage VARCHAR,
    bytes BIGINT,
    sha256 VARCHAR,
    origin VARCHAR,         -- of models and questions: hub repository, local path, or made in this workflow
    revision VARCHAR,       -- commit of the repository
    licence VARCHAR         -- of a model, where its repository names one; of questions, where their entry does
);

-- Snakemake's benchmark records, one row a job.
CREATE TABLE jobs (
    stage VARCHAR, job VARCHAR, seconds DOUBLE, cpu_seconds DOUBLE, max_rss_mb DOUBLE, mean_load DOUBLE
);
