-- The artists whose tracks sold best, of one genre or of all.
SELECT artist.name::text AS artist,
       sum(invoice_line.quantity)::bigint AS sale_count,
       sum(invoice_line.quantity * invoice_line.unit_price) AS revenue
FROM invoice_line
JOIN track USING (track_id)
JOIN album USING (album_id)
JOIN artist USING (artist_id)
LEFT JOIN genre USING (genre_id)
WHERE :genre::text IS NULL OR genre.name = :genre::text
GROUP BY artist.artist_id, artist.name
ORDER BY revenue DESC, artist.name
LIMIT coalesce(:limit::integer, 10)
