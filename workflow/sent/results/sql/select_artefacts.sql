SELECT path, bytes, coalesce(left(sha256, 16), '') AS sha256, coalesce(origin, '') AS origin,
    coalesce(revision, '') AS revision, coalesce(licence, '') AS licence
FROM artefacts ORDER BY path;
