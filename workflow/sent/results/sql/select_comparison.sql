SELECT comparison.*, kind_of(metric) AS kind, k_of(metric) AS k FROM comparison ORDER BY model, method, benchmark, metric;
