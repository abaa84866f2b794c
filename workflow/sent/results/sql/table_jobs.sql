SELECT
    stage, count(*) AS jobs, round(sum(seconds), 1) AS seconds, round(max(seconds), 1) AS longest,
    round(max(max_rss_mb)) AS max_rss_mb
FROM jobs
GROUP BY stage
ORDER BY seconds DESC;
