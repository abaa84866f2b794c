FROM train_metrics ORDER BY model, method, seed, total_step;
