SELECT json_build_object(
    'version', current_setting('server_version_num')::int,
    'encoding', current_setting('server_encoding'),
    'search_path', to_json(current_schemas(false)))
