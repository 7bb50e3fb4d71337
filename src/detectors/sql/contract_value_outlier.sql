/*
id = "contract_value_outlier"
version = "1.1.0"
strength = "statistical"
scope = "pattern"
reference = "OCP R016"
legal_basis = ""
tags = ["price_spike_detected"]
groups = ["value", "outlier"]
tables = ["contracts", "lines_of_business"]
recomputed = ["judged"]

[title]
pt = "Valor do contrato muito acima do grupo"
en = "Contract value far above its peers"

[explanation]
pt = "O logaritmo do valor inicial passa de Q3 + k·(Q3 − Q1) entre os contratos recebidos do mesmo tipo de objeto, modalidade e esfera, de quaisquer meses (quartis do tipo 8 de Hyndman e Fan)."
en = "The logarithm of the initial value is above Q3 + k·(Q3 − Q1) among the contracts taken in of the same type of object, modality and sphere, of whatever months (quartiles of Hyndman and Fan's type 8)."

[severity]
pt = "Média acima da cerca com k = {outlier_k|exact}; alta acima da cerca com k = {far_outlier_k|exact}."
en = "Medium above the fence with k = {outlier_k|exact}; high above the fence with k = {far_outlier_k|exact}."

[text]
pt = "O valor inicial, {value|brl}, passa do limite estatístico de {fence|brl} do seu grupo de {peers|int} contratos ({object_type|text}, {modality_name|text}); é o {rank|int}º maior. Metade do grupo fica entre {lower_quartile|brl} e {upper_quartile|brl}. Um valor alto pode ter boas razões: é um indício a conferir."
en = "The initial value, {value|brl}, is above the statistical fence of {fence|brl} of its group of {peers|int} contracts ({object_type|text}, {modality_name|text}); it ranks {rank|int} from the top. Half of the group lies between {lower_quartile|brl} and {upper_quartile|brl}. A high value may have good reasons: this is an indication to check."

[false_positives]
pt = ["Compra centralizada ou plurianual.", "Objeto raro dentro de um grupo amplo.", "Erro de digitação no valor."]
en = ["A purchase made for many units or many years.", "A rare object inside a wide group.", "A slip in typing the value."]

[[parameters]]
name = "outlier_k"
value = "1.5"
unit = "factor"
min = "1"
not_above = "far_outlier_k"
label = { pt = "Múltiplo da amplitude entre quartis", en = "Multiple of the interquartile range" }

[[parameters]]
name = "far_outlier_k"
value = "3.0"
unit = "factor"
min = "1"
label = { pt = "Múltiplo para severidade alta", en = "Multiple for high severity" }

[[parameters]]
name = "min_peers"
value = "30"
unit = "count"
min = "4"
label = { pt = "Tamanho mínimo do grupo", en = "Smallest group" }

[reasons.no_value]
outcome = "not_evaluable"
pt = "O valor inicial não foi publicado ou não é positivo."
en = "The initial value was not published or is not positive."
columns = ["contracts.initial_value"]

[reasons.modality_not_informed]
outcome = "not_evaluable"
pt = "A fonte não informa a modalidade."
en = "The source does not give the modality."

[reasons.category_unknown]
outcome = "not_evaluable"
pt = "Nem o objeto, nem a categoria publicada, nem o item principal dizem se são bens, serviços ou obras, ou se contradizem."
en = "Neither the object nor the published category nor the main item tells goods, services or works, or they contradict each other."

[reasons.peer_group_too_small]
outcome = "not_evaluable"
pt = "Há menos de {min_peers|exact} contratos no grupo."
en = "There are fewer than {min_peers|exact} contracts in the group."

[reasons.peer_group_without_spread]
outcome = "not_evaluable"
pt = "Os quartis do grupo são iguais."
en = "The quartiles of the group are equal."

[[evidence]]
name = "value"
unit = "BRL"
label = { pt = "Valor inicial", en = "Initial value" }

[[evidence]]
name = "fence"
unit = "BRL"
label = { pt = "Limite estatístico (k = {outlier_k|exact})", en = "Fence (k = {outlier_k|exact})" }

[[evidence]]
name = "far_fence"
unit = "BRL"
label = { pt = "Limite estatístico (k = {far_outlier_k|exact})", en = "Fence (k = {far_outlier_k|exact})" }

[[evidence]]
name = "lower_quartile"
unit = "BRL"
label = { pt = "Primeiro quartil", en = "First quartile" }

[[evidence]]
name = "upper_quartile"
unit = "BRL"
label = { pt = "Terceiro quartil", en = "Third quartile" }

[[evidence]]
name = "peers"
unit = "count"
label = { pt = "Contratos no grupo", en = "Contracts in the group" }

[[evidence]]
name = "rank"
unit = "count"
label = { pt = "Posição, do maior para o menor", en = "Rank, largest first" }

[[evidence]]
name = "object_type"
unit = "text"
label = { pt = "Tipo de objeto", en = "Type of object" }
words = { goods = { pt = "bens", en = "goods" }, services = { pt = "serviços", en = "services" }, works = { pt = "obras e engenharia", en = "works and engineering" } }

[[evidence]]
name = "modality_name"
unit = "text"
label = { pt = "Modalidade", en = "Modality" }

[[evidence]]
name = "sphere"
unit = "text"
label = { pt = "Esfera", en = "Sphere" }
*/
WITH typed AS (
    SELECT
        contract_id,
        buyer_id,
        number,
        object_folded,
        modality,
        modality_name,
        sphere,
        in_scope,
        initial_value,
        CASE WHEN category IN ('goods', 'services', 'works') THEN category END AS category,
        CASE
            WHEN initial_value IS NULL OR initial_value <= 0 OR modality = 'not_informed' THEN NULL
            ELSE object_type(object_folded, NULL)
        END AS told
    FROM contracts
),
-- Where the object is silent, the published category or the main item speaks, if they do not contradict each other. These
-- are looked for apart: a join of all contracts would hold all of them.
silent AS (
    SELECT
        t.contract_id,
        t.object_folded,
        t.object_folded <> '' AND t.object_folded NOT LIKE '%protegida por sigilo%' AS has_text,
        CASE
            WHEN coalesce(nullif(object_type(NULL, m.line), 'unknown'), t.category) <> t.category THEN 'unknown'
            ELSE coalesce(t.category, nullif(object_type(NULL, m.line), 'unknown'))
        END AS sign
    FROM (SELECT contract_id, buyer_id, number, object_folded, category FROM typed WHERE told = 'unknown') t
    LEFT JOIN lines_of_business m ON m.buyer_id = t.buyer_id AND m.number = t.number
),
-- One silent text is one kind of object: that which its contracts agree on.
silent_texts AS (
    SELECT object_folded, CASE WHEN min(sign) = max(sign) THEN min(sign) ELSE 'unknown' END AS kind
    FROM silent
    WHERE has_text AND sign IS NOT NULL
    GROUP BY object_folded
),
spoken AS (
    SELECT s.contract_id, CASE WHEN s.has_text THEN x.kind ELSE s.sign END AS kind
    FROM silent_texts x
    RIGHT JOIN silent s ON s.has_text AND s.object_folded = x.object_folded
),
measured AS (
    SELECT
        t.contract_id,
        t.modality,
        t.modality_name,
        t.sphere,
        coalesce(t.sphere, '') AS sphere_key,
        t.in_scope,
        t.initial_value,
        CASE
            WHEN t.told = 'unknown' THEN coalesce(s.kind, 'unknown')
            WHEN t.category <> t.told THEN 'unknown'
            ELSE t.told
        END AS kind,
        CASE WHEN t.initial_value > 0 THEN log10(CAST(t.initial_value AS DOUBLE)) END AS magnitude
    FROM spoken s
    RIGHT JOIN typed t ON t.contract_id = s.contract_id
),
peers AS (
    SELECT
        kind,
        modality,
        sphere_key,
        count(*) AS peers,
        quantile8(magnitude, 0.25) AS q1,
        quantile8(magnitude, 0.75) AS q3
    FROM measured
    WHERE kind IS NOT NULL AND kind <> 'unknown'
    GROUP BY kind, modality, sphere_key
),
judged AS (
    SELECT
        c.*,
        p.peers,
        p.q1,
        p.q3,
        p.q3 + $outlier_k * (p.q3 - p.q1) AS fence,
        p.q3 + $far_outlier_k * (p.q3 - p.q1) AS far_fence,
        CASE
            WHEN c.initial_value IS NULL OR c.initial_value <= 0 THEN 'no_value'
            WHEN c.modality = 'not_informed' THEN 'modality_not_informed'
            WHEN c.kind = 'unknown' THEN 'category_unknown'
            WHEN p.peers < $min_peers THEN 'peer_group_too_small'
            WHEN p.q3 - p.q1 = 0 THEN 'peer_group_without_spread'
            WHEN c.magnitude > p.q3 + $outlier_k * (p.q3 - p.q1) THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM measured c
    LEFT JOIN peers p ON p.kind = c.kind AND p.modality = c.modality AND p.sphere_key = c.sphere_key
)
-- Whatever is larger than an outlier is one itself, so that its rank among outliers is its rank in the group.
SELECT
    contract_id AS subject,
    'fired' AS outcome,
    NULL AS reason,
    CASE WHEN magnitude > far_fence THEN 'high' ELSE 'medium' END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    initial_value AS value,
    TRY_CAST(pow10(fence) AS DECIMAL(18, 2)) AS fence,
    TRY_CAST(pow10(far_fence) AS DECIMAL(18, 2)) AS far_fence,
    TRY_CAST(pow10(q1) AS DECIMAL(18, 2)) AS lower_quartile,
    TRY_CAST(pow10(q3) AS DECIMAL(18, 2)) AS upper_quartile,
    peers,
    rank() OVER (PARTITION BY kind, modality, sphere_key ORDER BY initial_value DESC) AS rank,
    kind AS object_type,
    modality_name,
    sphere
FROM judged
WHERE verdict = 'fired'
UNION ALL
SELECT
    contract_id,
    CASE verdict WHEN 'clear' THEN verdict ELSE 'not_evaluable' END,
    CASE WHEN verdict <> 'clear' THEN verdict END,
    NULL, in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM judged
WHERE verdict <> 'fired'
