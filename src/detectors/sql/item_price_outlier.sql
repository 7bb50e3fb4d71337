/*
id = "item_price_outlier"
version = "1.1.0"
strength = "statistical"
scope = "pattern"
reference = "OCP R017"
legal_basis = ""
tags = ["price_spike_detected"]
groups = ["outlier"]
tables = ["contracts", "contract_items", "comparable_items", "shared_numbers"]

[title]
pt = "Preço unitário muito acima dos comparáveis"
en = "Unit price far above comparable ones"

[explanation]
pt = "O preço unitário de um item passa de {low_ratio|exact} vez(es) a mediana, e do nono decil, de itens com a mesma descrição e a mesma descrição complementar contratados até {window_months|exact} meses antes ou depois (ao menos {min_peers|exact}, de {min_buyers|exact} unidades), com escore robusto de {min_z|exact} ou mais sobre o logaritmo. Só vale para bens com descrição complementar específica. Os preços não são deflacionados e a fonte não publica a unidade de fornecimento."
en = "The unit price of an item is above {low_ratio|exact} times the median, and above the ninth decile, of items with the same description and the same further description contracted up to {window_months|exact} months before or after ({min_peers|exact} at least, of {min_buyers|exact} units), with a robust score of {min_z|exact} or more of the logarithm. It is for goods with a specific further description only. Prices are not deflated, and the source does not publish the unit of supply."

[severity]
pt = "Baixa a partir de {low_ratio|exact} vez(es) a mediana; média a partir de {medium_ratio|exact}; alta a partir de {high_ratio|exact}."
en = "Low from {low_ratio|exact} times the median; medium from {medium_ratio|exact}; high from {high_ratio|exact}."

[text]
pt = "O item “{item|text}” custou {unit_price|brl} por unidade, {ratio|ratio} vezes a mediana de {median_price|brl} de {peers|int} itens iguais de {buyers|int} unidades em {window_months|int} meses antes e depois (metade entre {lower_quartile|brl} e {upper_quartile|brl}; sem correção por inflação). A diferença pela quantidade é de {amount|brl}. A unidade de fornecimento não é publicada e pode explicá-la: é um indício a conferir."
en = "The item “{item|text}” cost {unit_price|brl} a unit, {ratio|ratio} times the median of {median_price|brl} of {peers|int} equal items of {buyers|int} units in the {window_months|int} months before and after (half between {lower_quartile|brl} and {upper_quartile|brl}; not deflated). The difference times the quantity is {amount|brl}. The unit of supply is not published and may explain it: this is an indication to check."

[false_positives]
pt = ["Unidade de fornecimento diferente (caixa, pacote, frasco).", "Entrega em lugar remoto, ou quantidade pequena.", "Inflação dentro dos {window_months|exact} meses, que não é descontada."]
en = ["A different unit of supply (box, pack, bottle).", "Delivery to a remote place, or a small quantity.", "Inflation within the {window_months|exact} months, which is not taken off."]

[[parameters]]
name = "min_z"
value = "3.5"
unit = "factor"
min = "1"
label = { pt = "Escore robusto mínimo", en = "Smallest robust score" }

[[parameters]]
name = "low_ratio"
value = "1.5"
unit = "factor"
min = "1"
not_above = "medium_ratio"
label = { pt = "Razão mínima à mediana", en = "Smallest ratio to the median" }

[[parameters]]
name = "medium_ratio"
value = "2"
unit = "factor"
min = "1"
not_above = "high_ratio"
label = { pt = "Razão para severidade média", en = "Ratio for medium severity" }

[[parameters]]
name = "high_ratio"
value = "4"
unit = "factor"
min = "1"
not_above = "slip_ratio"
label = { pt = "Razão para severidade alta", en = "Ratio for high severity" }

[[parameters]]
name = "slip_ratio"
value = "100"
unit = "factor"
min = "2"
label = { pt = "Razão acima da qual pode ser erro de unidade", en = "Ratio above which the unit may be wrong" }

[[parameters]]
name = "min_peers"
value = "10"
unit = "count"
min = "4"
label = { pt = "Itens comparáveis mínimos", en = "Fewest comparable items" }

[[parameters]]
name = "min_buyers"
value = "5"
unit = "count"
min = "1"
label = { pt = "Unidades mínimas", en = "Fewest units" }

[[parameters]]
name = "min_quantity"
value = "2"
unit = "count"
min = "1"
label = { pt = "Quantidade mínima", en = "Smallest quantity" }

[[parameters]]
name = "window_months"
value = "12"
unit = "count"
min = "1"
max = "120"
label = { pt = "Meses antes e depois", en = "Months before and after" }

[reasons.no_price]
outcome = "not_evaluable"
pt = "Preço ou quantidade não publicados, ou não positivos."
en = "Price or quantity not published, or not positive."
columns = ["contract_items.unit_price", "contract_items.quantity"]

[reasons.ambiguous_contract]
outcome = "not_evaluable"
pt = "Mais de um contrato tem o mesmo número na mesma unidade."
en = "More than one contract has the same number at the same unit."

[reasons.no_signature_date]
outcome = "not_evaluable"
pt = "Sem data de assinatura."
en = "No date of signature."
columns = ["contracts.signature_date"]

[reasons.description_too_general]
outcome = "not_evaluable"
pt = "A descrição do item é genérica demais para comparar preços."
en = "The description of the item is too general to compare prices."

[reasons.no_unit_of_service]
outcome = "not_evaluable"
pt = "Serviço ou obra: sem a unidade de medida os preços não se comparam."
en = "A service or works: without the unit of measure prices cannot be compared."

[reasons.single_unit]
outcome = "not_evaluable"
pt = "Quantidade abaixo de {min_quantity|exact}: uma unidade pode ser um lote inteiro."
en = "A quantity below {min_quantity|exact}: one unit may be a whole lot."

[reasons.too_few_peers]
outcome = "not_evaluable"
pt = "Há menos de {min_peers|exact} itens iguais, ou de menos de {min_buyers|exact} unidades."
en = "There are fewer than {min_peers|exact} equal items, or of fewer than {min_buyers|exact} units."

[reasons.unit_error_possible]
outcome = "not_evaluable"
pt = "Mais de {slip_ratio|exact} vezes a mediana: deve ser erro de unidade ou de digitação."
en = "More than {slip_ratio|exact} times the median: most likely a wrong unit or a slip in typing."

[[evidence]]
name = "item"
unit = "text"
label = { pt = "Item", en = "Item" }

[[evidence]]
name = "unit_price"
unit = "BRL"
label = { pt = "Preço unitário", en = "Unit price" }

[[evidence]]
name = "quantity"
unit = "count"
label = { pt = "Quantidade", en = "Quantity" }

[[evidence]]
name = "median_price"
unit = "BRL"
label = { pt = "Mediana", en = "Median" }

[[evidence]]
name = "lower_quartile"
unit = "BRL"
label = { pt = "Primeiro quartil", en = "First quartile" }

[[evidence]]
name = "upper_quartile"
unit = "BRL"
label = { pt = "Terceiro quartil", en = "Third quartile" }

[[evidence]]
name = "ninth_decile"
unit = "BRL"
label = { pt = "Nono decil", en = "Ninth decile" }

[[evidence]]
name = "ratio"
unit = "factor"
label = { pt = "Razão à mediana", en = "Ratio to the median" }

[[evidence]]
name = "z"
unit = "factor"
label = { pt = "Escore robusto", en = "Robust score" }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Itens comparáveis", en = "Comparable items" }

[[evidence]]
name = "buyers"
unit = "count"
label = { pt = "Unidades", en = "Units" }
*/
WITH windows AS (
    SELECT DISTINCT article, month FROM comparable_items
),
peers AS (
    SELECT
        w.article,
        w.month,
        count(*) AS peers,
        count(DISTINCT c.buyer_id) AS buyers,
        quantile8(c.magnitude, 0.25) AS q1,
        quantile8(c.magnitude, 0.5) AS median,
        quantile8(c.magnitude, 0.75) AS q3,
        quantile8(c.magnitude, 0.9) AS p90,
        mad(c.magnitude) AS mad
    FROM windows w
    JOIN comparable_items c ON c.article = w.article AND c.month BETWEEN w.month - $window_months AND w.month + $window_months
    GROUP BY w.article, w.month
),
measured AS (
    SELECT
        c.*,
        p.peers, p.buyers, p.q1, p.median, p.q3, p.p90, p.mad,
        pow10(c.magnitude - p.median) AS ratio,
        CASE WHEN p.mad > 0 THEN 0.6745 * (c.magnitude - p.median) / p.mad END AS z
    FROM comparable_items c
    JOIN peers p ON p.article = c.article AND p.month = c.month
),
judged AS (
    SELECT
        *,
        CASE
            WHEN peers < $min_peers OR buyers < $min_buyers THEN 'too_few_peers'
            WHEN ratio > $slip_ratio THEN 'unit_error_possible'
            WHEN ratio >= CAST($low_ratio AS DOUBLE) AND magnitude > p90 AND coalesce(z >= CAST($min_z AS DOUBLE), true) THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM measured
)
SELECT
    item_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE
        WHEN verdict <> 'fired' THEN NULL
        WHEN ratio >= $high_ratio THEN 'high'
        WHEN ratio >= $medium_ratio THEN 'medium'
        ELSE 'low'
    END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    CASE WHEN verdict = 'fired' THEN TRY_CAST((CAST(unit_price AS DOUBLE) - pow10(median)) * CAST(quantity AS DOUBLE) AS DECIMAL(18, 2)) END AS amount,
    description AS item,
    unit_price,
    quantity,
    TRY_CAST(pow10(median) AS DECIMAL(18, 2)) AS median_price,
    TRY_CAST(pow10(q1) AS DECIMAL(18, 2)) AS lower_quartile,
    TRY_CAST(pow10(q3) AS DECIMAL(18, 2)) AS upper_quartile,
    TRY_CAST(pow10(p90) AS DECIMAL(18, 2)) AS ninth_decile,
    ratio,
    z,
    peers,
    buyers
FROM judged
UNION ALL
SELECT
    i.item_id,
    'not_evaluable',
    CASE
        WHEN i.unit_price IS NULL OR i.unit_price <= 0 OR i.quantity IS NULL OR i.quantity <= 0 THEN 'no_price'
        WHEN n.number IS NOT NULL THEN 'ambiguous_contract'
        WHEN s.undated THEN 'no_signature_date'
        WHEN NOT is_specific_item(i.description_folded, i.details) THEN 'description_too_general'
        WHEN object_type(NULL, i.description_folded) IN ('services', 'works') THEN 'no_unit_of_service'
        -- One unit may be a lot of many.
        WHEN i.quantity < $min_quantity THEN 'single_unit'
        ELSE 'too_few_peers'
    END,
    NULL, s.in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM contract_items i
JOIN (
    SELECT
        buyer_id, number,
        bool_or(in_scope) AS in_scope,
        min(signature_date) IS NULL AS undated
    FROM contracts
    GROUP BY buyer_id, number
) s ON s.buyer_id = i.buyer_id AND s.number = i.contract_number
LEFT JOIN shared_numbers n ON n.buyer_id = i.buyer_id AND n.number = i.contract_number
LEFT JOIN comparable_items c ON c.item_id = i.item_id
WHERE c.item_id IS NULL
