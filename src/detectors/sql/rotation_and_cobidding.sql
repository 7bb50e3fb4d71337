/*
id = "rotation_and_cobidding"
version = "1.1.1"
strength = "statistical"
scope = "pattern"
reference = "OCP R053, R057"
legal_basis = ""
tags = ["collusion"]
groups = ["collusion"]
tables = ["competitions", "lot_bids", "tenders", "bids", "tender_items"]

[title]
pt = "Vencedores em rodízio, ou sempre o mesmo contra o mesmo"
en = "Winners in turns, or always the same against the same"

[explanation]
pt = "Entre as licitações com um só vencedor de um mercado (mesma fonte, classe ou categoria e estado). Par: duas empresas com ao menos {min_common|exact} licitações em comum, de que uma vence {min_share|exact} ou mais e a outra nenhuma, o que o acaso faria com probabilidade menor que {max_chance|exact}, contados todos os rivais da vencedora. Rodízio: de {min_firms|exact} a {max_firms|exact} empresas vencem {min_wins|exact} vezes ou mais, quase por igual (entropia de {min_entropy|exact} do máximo), e tão raramente duas vezes seguidas que menos de {max_chance|exact} das ordens ao acaso o fariam."
en = "Among the tenders with one winner of a market (same source, class or category, and state). Pair: two firms with at least {min_common|exact} tenders in common of which one wins {min_share|exact} or more and the other none, which chance would do with a probability below {max_chance|exact}, all rivals of the winner counted. Rotation: {min_firms|exact} to {max_firms|exact} firms win {min_wins|exact} times or more, nearly alike (entropy of {min_entropy|exact} of the maximum), and so seldom twice running that less than {max_chance|exact} of random orders would do it."

[severity]
pt = "Média; alta se o acaso o faria com probabilidade de até {high_chance|exact}."
en = "Medium; high if chance would do it with a probability of {high_chance|exact} at most."

[text]
pt = "{market|text}{state|text}: {firms|text} ({pattern|text}). {wins|int} vitórias em {tenders|int} licitações; o acaso faria o mesmo uma vez em {once_in|int}. Mercados pequenos, capacidade e distância também dividem vitórias: é um indício a conferir."
en = "{market|text}{state|text}: {firms|text} ({pattern|text}). {wins|int} wins in {tenders|int} tenders; chance would do the same once in {once_in|int}. Small markets, capacity and distance also share out wins: this is an indication to check."

[false_positives]
pt = ["Empresa muito mais competitiva que a outra.", "Mercado local com poucas empresas de capacidade limitada.", "Muitos pares comparados: alguns passam do limite por acaso."]
en = ["A firm far more competitive than the other.", "A local market of few firms with limited capacity.", "Many pairs compared: some pass the limit by chance."]

[[parameters]]
name = "min_common"
value = "5"
unit = "count"
min = "2"
label = { pt = "Licitações mínimas em comum do par", en = "Fewest tenders in common of the pair" }

[[parameters]]
name = "min_share"
value = "0.9"
unit = "ratio"
min = "0.01"
max = "1"
label = { pt = "Parcela mínima vencida por uma das duas", en = "Least share won by the one" }

[[parameters]]
name = "min_firms"
value = "3"
unit = "count"
min = "3"
not_above = "max_firms"
label = { pt = "Empresas mínimas do rodízio", en = "Fewest firms of the rotation" }

[[parameters]]
name = "max_firms"
value = "20"
unit = "count"
min = "3"
max = "1000"
label = { pt = "Empresas máximas do rodízio", en = "Most firms of the rotation" }

[[parameters]]
name = "min_wins"
value = "6"
unit = "count"
min = "6"
label = { pt = "Vitórias mínimas do rodízio", en = "Fewest wins of the rotation" }

[[parameters]]
name = "min_entropy"
value = "0.9"
unit = "ratio"
max = "1"
label = { pt = "Entropia mínima das vitórias, sobre a máxima", en = "Least entropy of the wins, over the largest" }

[[parameters]]
name = "max_chance"
value = "0.01"
unit = "ratio"
min = "0.0002"
max = "1"
label = { pt = "Probabilidade do acaso abaixo da qual conta", en = "Probability of chance below which it counts" }

[[parameters]]
name = "high_chance"
value = "0.001"
unit = "ratio"
max = "1"
not_above = "max_chance"
label = { pt = "Probabilidade do acaso até a qual é alta", en = "Probability of chance up to which it is high" }

[reasons]
chance_possible = { outcome = "clear", pt = "O padrão existe, mas o acaso o faria com probabilidade de {max_chance|exact} ou mais.", en = "The pattern is there, but chance would do it with a probability of {max_chance|exact} or more." }
too_few_tenders = { outcome = "not_evaluable", pt = "A empresa vencedora não tem {min_common|exact} licitações em comum com um mesmo rival de que tenha vencido tantas quantas {min_share|exact} delas pedem.", en = "The winning firm does not have {min_common|exact} tenders in common with any one rival of which it won as many as {min_share|exact} of so many ask for." }
too_few_wins = { outcome = "not_evaluable", pt = "O mercado tem menos de {min_firms|exact} empresas vencedoras ou menos de {min_wins|exact} vitórias.", en = "The market has fewer than {min_firms|exact} winning firms, or fewer than {min_wins|exact} wins." }
market_too_wide = { outcome = "not_evaluable", pt = "Mais de {max_firms|exact} empresas vencem no mercado: não é um grupo.", en = "More than {max_firms|exact} firms win in the market: it is no group." }
order_unknown = { outcome = "not_evaluable", pt = "Falta a data de alguma licitação do mercado.", en = "The day of a tender of the market is missing." }

[[evidence]]
name = "pattern"
unit = "text"
label = { pt = "Padrão", en = "Pattern" }
words = { pair = { pt = "a primeira vence, a segunda nunca", en = "the first wins, the second never does" }, rotation = { pt = "rodízio", en = "rotation" } }

[[evidence]]
name = "firms"
unit = "text"
label = { pt = "Empresas", en = "Firms" }

[[evidence]]
name = "market"
unit = "text"
label = { pt = "Mercado", en = "Market" }
words = { goods = { pt = "Compras", en = "Goods" }, services = { pt = "Serviços", en = "Services" }, works = { pt = "Obras", en = "Works" } }

[[evidence]]
name = "state"
unit = "text"
label = { pt = "Estado", en = "State" }

[[evidence]]
name = "tenders"
unit = "count"
label = { pt = "Licitações (em comum, ou do mercado)", en = "Tenders (in common, or of the market)" }

[[evidence]]
name = "wins"
unit = "count"
label = { pt = "Vitórias", en = "Wins" }

[[evidence]]
name = "entropy"
unit = "ratio"
label = { pt = "Entropia das vitórias", en = "Entropy of the wins" }

[[evidence]]
name = "repeats"
unit = "count"
label = { pt = "Vitórias seguidas da mesma empresa", en = "Wins running of one firm" }

[[evidence]]
name = "probability"
unit = "ratio"
label = { pt = "Probabilidade ao acaso, contados os rivais", en = "Probability by chance, the rivals counted" }

[[evidence]]
name = "once_in"
unit = "count"
label = { pt = "Uma vez em quantas, ao acaso", en = "Once in how many, by chance" }

[[evidence]]
name = "timeline"
unit = "text"
label = { pt = "Vencedores em ordem", en = "Winners in order" }

[[evidence]]
name = "rivals"
unit = "count"
label = { pt = "Rivais da vencedora no mercado", en = "Rivals of the winner in the market" }
*/
WITH processes AS (
    SELECT
        tender_id,
        in_scope,
        source || '/' || market || '/' || coalesce(state, '') AS place,
        market,
        state,
        winner_key,
        companies,
        coalesce(result_date, deadline_day) AS day
    FROM competitions
    WHERE NOT direct AND NOT dropped AND market IS NOT NULL AND companies >= 2 AND unnamed = 0 AND winners = 1
),
bidders AS (
    SELECT DISTINCT p.tender_id, p.place, b.bidder_key
    FROM processes p
    JOIN lot_bids b ON b.tender_id = p.tender_id
),
names AS (
    SELECT bidder_key, min(bidder_name) AS name
    FROM lot_bids
    GROUP BY bidder_key
),
-- Of each winner and each rival that it beat.
beaten AS (
    SELECT p.place, p.winner_key AS winner, b.bidder_key AS companion, count(*) AS wins
    FROM processes p
    JOIN bidders b ON b.tender_id = p.tender_id AND b.bidder_key <> p.winner_key
    GROUP BY p.place, p.winner_key, b.bidder_key
),
-- Of many rivals one is beaten often by chance: its probability counts once for each.
rivals AS (
    SELECT place, winner, count(*) AS rivals FROM beaten GROUP BY place, winner
),
often AS (
    SELECT * FROM beaten WHERE wins >= $min_share * $min_common
),
meetings AS (
    SELECT
        o.place,
        o.winner,
        o.companion,
        min(o.wins) AS wins,
        count(*) AS common,
        count(*) FILTER (WHERE p.winner_key = o.companion) AS lost,
        min(p.market) AS market,
        min(p.state) AS state,
        bool_or(p.in_scope) AS in_scope,
        array_agg(p.tender_id ORDER BY p.tender_id) AS tender_ids,
        pair_probability(array_agg(p.companies ORDER BY p.tender_id), min(o.wins)) AS probability
    FROM often o
    JOIN bidders a ON a.place = o.place AND a.bidder_key = o.winner
    JOIN bidders b ON b.tender_id = a.tender_id AND b.bidder_key = o.companion
    JOIN processes p ON p.tender_id = a.tender_id
    GROUP BY o.place, o.winner, o.companion
),
pairs AS (
    SELECT
        m.place, m.winner, m.companion, m.wins, m.common, m.market, m.state, m.in_scope, m.tender_ids,
        r.rivals,
        least(m.probability * r.rivals, 1.0) AS probability,
        m.probability * r.rivals < $max_chance AS beyond
    FROM meetings m
    JOIN rivals r ON r.place = m.place AND r.winner = m.winner
    WHERE m.common >= $min_common AND m.lost = 0 AND m.wins >= $min_share * m.common
),
-- A winner without a pair answers once for itself.
winners AS (
    SELECT p.place, p.winner_key AS winner, bool_or(p.in_scope) AS in_scope, count(*) AS wins
    FROM processes p
    GROUP BY p.place, p.winner_key
),
judged_winners AS (
    SELECT
        w.*,
        CASE
            WHEN q.chance > 0 THEN 'chance_possible'
            WHEN coalesce(m.meetings, 0) = 0 THEN 'too_few_tenders'
            ELSE 'clear'
        END AS verdict,
        coalesce(q.fired, 0) AS fired
    FROM winners w
    LEFT JOIN (SELECT place, winner, count(*) AS meetings FROM meetings WHERE common >= $min_common GROUP BY place, winner) m
        ON m.place = w.place AND m.winner = w.winner
    LEFT JOIN (
        SELECT place, winner, sum(CASE WHEN beyond THEN 1 ELSE 0 END) AS fired, sum(CASE WHEN beyond THEN 0 ELSE 1 END) AS chance
        FROM pairs
        GROUP BY place, winner
    ) q ON q.place = w.place AND q.winner = w.winner
),
markets AS (
    SELECT
        p.place,
        min(p.market) AS market,
        min(p.state) AS state,
        bool_or(p.in_scope) AS in_scope,
        count(DISTINCT p.winner_key) AS firms,
        count(*) AS wins,
        count(p.day) AS dated,
        array_agg(p.tender_id ORDER BY p.day, p.tender_id) AS tender_ids,
        array_agg(p.winner_key ORDER BY p.day, p.tender_id) AS winners,
        string_agg(coalesce(n.name, '?'), ' > ' ORDER BY p.day, p.tender_id) AS timeline
    FROM processes p
    JOIN names n ON n.bidder_key = p.winner_key
    GROUP BY p.place
),
firms_of AS (
    SELECT w.place, string_agg(coalesce(n.name, '?'), '; ' ORDER BY n.name) AS names
    FROM winners w
    JOIN names n ON n.bidder_key = w.winner
    GROUP BY w.place
),
-- Permutations are for groups alone.
turns AS (
    SELECT place, win_rotation(winners) AS turns
    FROM markets
    WHERE firms BETWEEN $min_firms AND $max_firms AND wins >= $min_wins AND dated = wins
),
judged_markets AS (
    SELECT
        m.*,
        f.names,
        t.turns['entropy'] AS entropy,
        t.turns['repeats'] AS repeats,
        t.turns['probability'] AS probability,
        CASE
            WHEN m.firms < $min_firms OR m.wins < $min_wins THEN 'too_few_wins'
            WHEN m.firms > $max_firms THEN 'market_too_wide'
            WHEN m.dated < m.wins THEN 'order_unknown'
            WHEN t.turns['entropy'] >= $min_entropy AND t.turns['probability'] < $max_chance THEN 'fired'
            ELSE 'clear'
        END AS verdict
    FROM markets m
    LEFT JOIN turns t ON t.place = m.place
    LEFT JOIN firms_of f ON f.place = m.place
)
SELECT
    p.place || ' pair ' || p.winner || ' ' || p.companion AS subject,
    'fired' AS outcome,
    CAST(NULL AS VARCHAR) AS reason,
    CASE WHEN p.probability <= $high_chance THEN 'high' ELSE 'medium' END AS severity,
    p.in_scope,
    p.tender_ids,
    'pair' AS pattern,
    coalesce(w.name, '?') || '; ' || coalesce(c.name, '?') AS firms,
    p.market,
    CASE WHEN p.state IS NULL THEN '' ELSE ' · ' || p.state END AS state,
    p.common AS tenders,
    p.wins,
    CAST(NULL AS DOUBLE) AS entropy,
    CAST(NULL AS BIGINT) AS repeats,
    p.probability,
    round(1 / p.probability) AS once_in,
    CAST(NULL AS VARCHAR) AS timeline,
    p.rivals
FROM pairs p
JOIN names w ON w.bidder_key = p.winner
JOIN names c ON c.bidder_key = p.companion
WHERE p.beyond
UNION ALL
SELECT
    place || ' winner ' || winner AS subject,
    CASE WHEN verdict = 'too_few_tenders' THEN 'not_evaluable' ELSE 'clear' END AS outcome,
    CASE WHEN verdict <> 'clear' THEN verdict END AS reason,
    CAST(NULL AS VARCHAR) AS severity,
    in_scope,
    CAST(NULL AS VARCHAR[]) AS tender_ids,
    CAST(NULL AS VARCHAR) AS pattern,
    CAST(NULL AS VARCHAR) AS firms,
    CAST(NULL AS VARCHAR) AS market,
    CAST(NULL AS VARCHAR) AS state,
    CAST(NULL AS BIGINT) AS tenders,
    wins,
    CAST(NULL AS DOUBLE) AS entropy,
    CAST(NULL AS BIGINT) AS repeats,
    CAST(NULL AS DOUBLE) AS probability,
    CAST(NULL AS DOUBLE) AS once_in,
    CAST(NULL AS VARCHAR) AS timeline,
    CAST(NULL AS BIGINT) AS rivals
FROM judged_winners
WHERE fired = 0
UNION ALL
SELECT
    place || ' rotation' AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN probability <= $high_chance THEN 'high' ELSE 'medium' END AS severity,
    in_scope,
    CASE WHEN verdict = 'fired' THEN tender_ids END AS tender_ids,
    CASE WHEN verdict = 'fired' THEN 'rotation' END AS pattern,
    CASE WHEN verdict = 'fired' THEN names END AS firms,
    market,
    CASE WHEN state IS NULL THEN '' ELSE ' · ' || state END AS state,
    wins AS tenders,
    wins,
    entropy,
    repeats,
    probability,
    round(1 / probability) AS once_in,
    CASE WHEN verdict = 'fired' THEN timeline END AS timeline,
    CAST(NULL AS BIGINT) AS rivals
FROM judged_markets
