/*
id = "duplicates"
version = "1.1.0"
strength = "statistical"
scope = "pattern"
reference = "OCP R055"
legal_basis = ""
tags = ["duplicate"]
groups = ["duplicate"]
tables = ["contracts"]

[title]
pt = "Contratos quase iguais"
en = "Contracts that are nearly the same"

[explanation]
pt = "Dois ou mais contratos da mesma unidade com o mesmo fornecedor e o mesmo valor, assinados com até {near_days|exact} de intervalo, cujos objetos partilham ao menos {min_similarity|exact} das sequências de três palavras (coeficiente de Jaccard) e não nomeiam lotes, etapas, meses ou outras partes diferentes."
en = "Two or more contracts of one unit with the same supplier and the same value, signed within {near_days|exact} of each other, whose objects share at least {min_similarity|exact} of their runs of three words (Jaccard's coefficient) and name no different lots, stages, months or other parts."

[severity]
pt = "Média se assinados no mesmo dia com o mesmo objeto; baixa nos demais casos."
en = "Medium if signed on the same day with the same object; low otherwise."

[text]
pt = "{contracts|int} contratos da unidade com o mesmo fornecedor têm o mesmo valor, {value|brl}, e objetos {similarity|percent} iguais, assinados de {first_signature|date} a {last_signature|date}. Se um repete o outro, {amount|brl} foram contratados a mais. Lotes iguais existem: é um indício a conferir."
en = "{contracts|int} contracts of the unit with one supplier have the same value, {value|brl}, and objects that are {similarity|percent} the same, signed from {first_signature|date} to {last_signature|date}. If one repeats the other, {amount|brl} were contracted too much. Equal lots exist: this is an indication to check."

[false_positives]
pt = ["Lotes ou locais diferentes com o mesmo preço.", "Credenciamento, com valores tabelados.", "O mesmo contrato registrado duas vezes, pago uma só."]
en = ["Different lots or places at the same price.", "Accreditation, with listed prices.", "One contract registered twice and paid once."]

[[parameters]]
name = "near_days"
value = "30"
unit = "days"
max = "3650"
label = { pt = "Intervalo entre assinaturas", en = "Days between the signatures" }

[[parameters]]
name = "min_similarity"
value = "0.85"
unit = "ratio"
min = "0.5"
max = "1"
label = { pt = "Semelhança mínima dos objetos", en = "Smallest similarity of the objects" }

[[parameters]]
name = "min_words"
value = "6"
unit = "count"
min = "1"
label = { pt = "Palavras mínimas do objeto", en = "Fewest words of the object" }

[reasons.supplier_secret]
outcome = "not_evaluable"
pt = "O fornecedor está sob sigilo."
en = "The supplier is secret."
columns = ["contracts.supplier_id"]

[reasons.no_value]
outcome = "not_evaluable"
pt = "O valor inicial não foi publicado ou não é positivo."
en = "The initial value was not published or is not positive."
columns = ["contracts.initial_value"]

[reasons.no_signature_date]
outcome = "not_evaluable"
pt = "Sem data de assinatura."
en = "No date of signature."
columns = ["contracts.signature_date"]

[reasons.object_undisclosed]
outcome = "not_evaluable"
pt = "O objeto está sob sigilo."
en = "The object is secret."

[reasons.object_too_short]
outcome = "not_evaluable"
pt = "O objeto tem menos de {min_words|exact} palavras: é genérico demais para comparar."
en = "The object has fewer than {min_words|exact} words: too general to compare."

[[evidence]]
name = "contracts"
unit = "count"
label = { pt = "Contratos", en = "Contracts" }

[[evidence]]
name = "value"
unit = "BRL"
label = { pt = "Valor de cada um", en = "Value of each" }

[[evidence]]
name = "similarity"
unit = "ratio"
label = { pt = "Semelhança dos objetos", en = "Similarity of the objects" }

[[evidence]]
name = "first_signature"
unit = "date"
label = { pt = "Primeira assinatura", en = "First signature" }

[[evidence]]
name = "last_signature"
unit = "date"
label = { pt = "Última assinatura", en = "Last signature" }
*/
WITH told AS (
    SELECT contract_id, in_scope, buyer_id, supplier_key, initial_value, signature_date, number, object_folded
    FROM contracts
),
checked AS (
    SELECT
        *,
        CASE
            WHEN supplier_key IS NULL THEN 'supplier_secret'
            WHEN initial_value IS NULL OR initial_value <= 0 THEN 'no_value'
            WHEN signature_date IS NULL THEN 'no_signature_date'
            WHEN object_folded LIKE '%protegida por sigilo%' THEN 'object_undisclosed'
            WHEN array_length(string_to_array(object_folded, ' ')) < $min_words THEN 'object_too_short'
        END AS obstacle
    FROM told
),
comparable AS (
    SELECT * FROM checked WHERE obstacle IS NULL
),
-- Few of all contracts: only these are compared in pairs.
repeated AS (
    SELECT c.*
    FROM (
        SELECT buyer_id, supplier_key, initial_value
        FROM comparable
        GROUP BY buyer_id, supplier_key, initial_value
        HAVING count(*) > 1
    ) k
    JOIN comparable c
        ON c.buyer_id = k.buyer_id AND c.supplier_key = k.supplier_key AND c.initial_value = k.initial_value
),
pairs AS (
    SELECT
        a.contract_id AS one,
        b.contract_id AS other,
        a.signature_date = b.signature_date AS same_day,
        text_similarity(a.object_folded, b.object_folded) AS similarity
    FROM repeated a
    JOIN repeated b
        ON b.buyer_id = a.buyer_id
        AND b.supplier_key = a.supplier_key
        AND b.initial_value = a.initial_value
        AND b.contract_id <> a.contract_id
    WHERE abs(CAST(a.signature_date AS INT) - CAST(b.signature_date AS INT)) <= $near_days
        AND NOT names_other_parts(a.object_folded, b.object_folded)
),
alike AS (
    SELECT one AS contract_id, max(similarity) AS similarity, bool_or(same_day AND similarity = 1.0) AS identical
    FROM pairs
    WHERE similarity >= CAST($min_similarity AS DOUBLE)
    GROUP BY one
),
groups AS (
    SELECT
        c.buyer_id,
        c.supplier_key,
        c.initial_value,
        bool_or(c.in_scope) AS in_scope,
        count(*) AS contracts,
        max(a.similarity) AS similarity,
        bool_or(a.identical) AS identical,
        min(c.signature_date) AS first_signature,
        max(c.signature_date) AS last_signature,
        array_agg(c.contract_id ORDER BY c.signature_date, c.contract_id) AS contract_ids
    FROM alike a
    JOIN repeated c ON c.contract_id = a.contract_id
    GROUP BY c.buyer_id, c.supplier_key, c.initial_value
)
SELECT
    contract_ids[1] AS subject,
    'fired' AS outcome,
    NULL AS reason,
    CASE WHEN identical THEN 'medium' ELSE 'low' END AS severity,
    in_scope,
    contract_ids,
    initial_value * (contracts - 1) AS amount,
    contracts,
    initial_value AS value,
    similarity,
    first_signature,
    last_signature
FROM groups
UNION ALL
SELECT
    c.contract_id,
    CASE WHEN c.obstacle IS NULL THEN 'clear' ELSE 'not_evaluable' END,
    c.obstacle,
    NULL, c.in_scope, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM checked c
LEFT JOIN alike a ON a.contract_id = c.contract_id
WHERE a.contract_id IS NULL
