INSERT INTO rollouts BY NAME
FROM kept ORDER BY model, method, seed, total_step, sample;
