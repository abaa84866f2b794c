SELECT coalesce(models.label, f.model) AS model, coalesce(methods.label, f.method) AS method, f.* EXCLUDE (model, method)
FROM entropy_fit AS f
LEFT JOIN models ON models.model = f.model AND models.role = 'policy'
LEFT JOIN methods ON methods.method = f.method
ORDER BY models.position, methods.position, f.model, f.method;
