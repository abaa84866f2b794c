SELECT
    source, model, benchmark, metric, method, round(100 * published, 2) AS published, round(100 * ours, 2) AS ours,
    round(100 * difference, 2) AS difference, round(100 * low, 2) AS low, round(100 * high, 2) AS high,
    round(100 * ours_paper_mode, 2) AS ours_paper_mode, settings
FROM vs_published;
