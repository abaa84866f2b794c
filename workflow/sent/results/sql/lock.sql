-- From here on only what is attached can be read, and nothing written.
SET enable_external_access = false;
SET lock_configuration = true;
