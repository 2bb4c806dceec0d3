-- Rows for tests/golden/store.sql: every column absent somewhere, and what is awkward to match.
INSERT INTO artist VALUES (1, 'Anna', NULL), (2, 'Ben', NULL);
INSERT INTO album VALUES (1, 'First', 1, NULL), (2, 'Second', 2, NULL), (3, 'Gone', NULL, '2020-01-01');
INSERT INTO track (track_id, title, album_id, genre, milliseconds, price, mood, state, tags, codes, attributes,
    document, labels, studio, seats, recorded_at, released, starts, address, fingerprint, picture, live,
    nickname, handle, code, spot, score, rating, cost)
VALUES
(1, 'Red', 1, 'rock', 1000, 1.50, 'sad', 1, '{a,b}', '{x1,y2}',
    '{"color": "red", "size": {"w": 3, "h": 1.5}, "on": true, "tags": ["x", "y", 3], "none": null}',
    '{"a": 1}', 'x=>y, "a.b"=>"c d"', ROW('Oslo', '0150'), '[1,8)', '2024-05-01 12:00:00+02', '2024-05-01',
    '12:30', '10.0.0.1', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x0102ff', true, 'Straße', 'Anna', 'ab',
    '(1,2)', '<s/>', 1.5, 2.50),
(2, '100%', 1, 'rock_n_roll', 2001, 0.00, 'ok', 2, '{}', NULL,
    '{"color": "green", "size": {"w": "3"}, "on": false, "tags": ["z"], "price": 1e3}',
    '{"a": 2}', 'x=>NULL', ROW('Oslo', NULL), 'empty', '2024-05-01 12:00:00+00', '0044-03-15 BC', '24:00',
    '10.0.0.0/8', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', '\x', false, 'strasse', 'ANNA', 'ab  c', NULL, NULL,
    'NaN', -1),
(3, 'a*b', 2, 'Jazz', 2000, NULL, 'very happy', 0, '{b,NULL}', '{X1}',
    '{"color": ["red", "blue"], "size": 3, "tags": "x"}',
    '"text"', '', ROW(NULL, NULL), '[3,5]', 'infinity', 'infinity', '00:00', '2001:db8::1',
    NULL, '\x00', NULL, 'STRASSE', 'bob', '', '(0,0)', NULL, 'Infinity', NULL),
(4, '*', NULL, NULL, 0, 99999999.99, NULL, NULL, NULL, '{}', '[1, "color"]',
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(5, 'back\slash "quoted"', 3, '', 2147483647, -0.01, 'sad', -1, '{"a,b"," "}', '{x1}', '"color"',
    '[]', 'a=>""', ROW('', '1'), '(,3)', '-infinity', '-infinity', '23:59:59.999999', '::', NULL, NULL, true,
    'other', 'émile', 'é', NULL, NULL, -0.0, 0),
(6, 'Ünïcode 😀', 2, 'rock', -5, 1.5, 'ok', 1, '{é}', NULL, 'null',
    'null', 'x=>z', ROW('Ålesund', '6002'), '[5,)', '1999-12-31 23:59:59.999999+00', '1999-12-31', '12:30:00.5',
    '10.0.0.1', NULL, NULL, false, NULL, 'Bob', 'ab', NULL, NULL, 1e300, 1000);
INSERT INTO playlist VALUES (1, 'Morning'), (2, 'Empty');
INSERT INTO playlist_track VALUES (1, 1), (1, 3), (1, 6);
