-- What the contract's RevenueByCountry calls.
CREATE FUNCTION revenue_by_country(minimum numeric DEFAULT 0)
RETURNS TABLE (country text, invoice_count bigint, revenue numeric)
LANGUAGE sql STABLE
AS $$
    SELECT billing_country, count(*), sum(total)
    FROM invoice
    GROUP BY billing_country
    HAVING sum(total) >= minimum
    ORDER BY sum(total) DESC, billing_country
$$;
