"""The guard lets ordinary queries pass, and passes them on unchanged."""

import pytest

from colloquy.agents.data.guard.guard import Refusal, check

HONEST = {
    "duckdb": [
        "select 1",
        "from orders select count(*)",
        "with m as (select 1 a) select a, row_number() over (partition by a order by a) from m;",
        "select * exclude (a) replace (b + 1 as b) from t",
        "select cast(a as decimal(10, 2)), a::varchar(10), try_cast(b as double) from t",
        "with m(a, b) as (values (1, 2)) select * from m",
        "select * from range(3) r(x)",
        "select * from generate_series(date '2024-01-01', date '2024-12-01', interval 1 month) t(d)",
        "select 'it''s' as \"a\"\"b\" -- why\n, 2 /* because */",
        "show tables",
        "describe orders",
        "summarize main.orders",
        "explain select 1",
        "explain analyze select 1 from t",
        "select t.a.lower().trim() from t",
        "select list_transform([1, 2], lambda x: x + 1), list_filter(l, x -> x > 1), [x * 2 for x in [1, 2]] from t",
        "select count(*) filter (where a > 1), sum(b) over w from t window w as (order by c rows 3 preceding)",
        "select * from a join b using (id) left join lateral (select 1) x on (true)",
        "select date_trunc('month', d) m, sum(x) from t group by all order by all limit (5)",
        "select quantile_cont(x, [0.1, 0.9]), percentile_cont(0.5) within group (order by x), median(x) from t",
        "select a -> '$.x', a ->> 'b', a['c'], {'a': 1}, map {'x': 1} from t",
        "select 1 where not (1 = 2) and (2) in (1, 2) or exists (select 1)",
        'select größe from "Öl"',
        "select interval '1' day, date '2024-01-01', timestamp '2020-01-01', current_date",
        "select strftime(d, '%Y-%m') from t qualify row_number() over (order by 1) = 1",
        "select columns('a.*') from t",
        "select distinct on (a) a from t",
        "select * from t tablesample reservoir(10)",
        "select * from t asof join u using (ts)",
        "select a, grouping(a) from t group by grouping sets ((a), ()), rollup(a), cube(b)",
        "select extract(year from d), year(d), monthname(d), dayofweek(d), d + interval 3 month from t",
        "select if(a > 1, 'x', 'y'), a // 2, a ** 2, a % 3, a between 1 and 2 from t",
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select * from r",
        "select * from information_schema.columns",
        "select regexp_extract(a, '(\\d+)', 1), a similar to 'x.*', a ilike '%x%' from t",
        "select 'drop table x; delete from y' as text, 'read_csv(' as other",
    ],
    "sqlite": [
        'select [a b], `c d`, "e f" from [t u]',
        "select strftime('%Y-%m', d), julianday(d), date('now', '-1 month') from t",
        "select a || b, a is not b, a glob 'x*', a like 'b' escape 'c', x'ab' from t",
        "select value from json_each('[1]')",
        "select name from sqlite_master",
        "select iif(a, b, c), group_concat(a, ','), total(b), printf('%.2f', a) from t",
        "select cast(a as text), cast(a as varchar(10)) from t",
        "explain query plan select 1",
        "with recursive c(x) as (values (1) union all select x + 1 from c limit 5) select x from c",
    ],
    "postgres": [
        "select (a).b from t",
        "select a::numeric(10, 2), a::int[], 'x'::text, cast(a as varchar(3))",
        "select date_trunc('month', d), count(*) filter (where x) from t group by 1",
        "select * from generate_series(1, 3) g(x)",
        "select jsonb_path_query(a, '$.x'), a @> '{}', a ->> 'b', a #>> '{c,d}' from t",
        "select array(select 1), array[1, 2], a = any(array[1]) from t",
        "select extract(epoch from now()), to_char(d, 'YYYY-MM'), now() at time zone 'utc' from t",
        "select string_agg(a, ',' order by a), array_agg(distinct b) from t",
        "select x from t where a ilike '%x%' and a ~ 'b' and a similar to '(a|b)'",
        "select trim(both 'x' from a), substring(a from 1 for 2), position('a' in b) from t",
        "select * from information_schema.tables",
        "values (1, 'a'), (2, 'b')",
        "select * from rows from (generate_series(1, 3)) x",
        "select * from json_to_recordset('[]') as x(a int, b text)",
        "select row(1, 2), (1, 2) = (3, 4)",
        "select distinct on (a) a from t order by a fetch first 3 rows only",
        "select * from public.orders o join lateral (select 1) x on true",
    ],
}


@pytest.mark.parametrize(("dialect", "sql"), [(dialect, sql) for dialect in HONEST for sql in HONEST[dialect]])
def test_an_ordinary_query_passes(dialect, sql):
    assert check(sql, dialect).sql


def test_the_passed_query_is_the_original_without_comments():
    asked = "select /* one */ a,b  , 'it''s' -- two\nfrom t ;"
    assert check(asked, "duckdb").sql == "select a,b , 'it''s' from t"
    assert check("select [a b], count(*) from t", "sqlite").sql == 'select "a b", count(*) from t'


def test_a_comment_that_parsers_read_differently_reaches_no_engine():
    assert "*/" not in check("select /* /* x */ */ 1", "postgres").sql


@pytest.mark.parametrize(
    "sql", ['select * from "a.csv"', "from f.csv", "describe 'x'", 'summarize "x.parquet"', "select * from 's3://b/x'"]
)
def test_file_names_are_not_tables_in_duckdb(sql):
    with pytest.raises(Refusal):
        check(sql, "duckdb")
