FROM comparison ORDER BY model, method, benchmark, metric;
