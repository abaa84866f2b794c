SELECT
    model, benchmark, metric, round(100 * published, 2) AS published, round(100 * ours, 2) AS ours,
    round(100 * (ours - published), 2) AS difference, round(100 * low, 2) AS low, round(100 * high, 2) AS high,
    if("off", 'OFF', 'ok') AS verdict, source
FROM baseline_check;
