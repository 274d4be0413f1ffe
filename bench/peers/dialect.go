package peers

import (
	"fmt"
	"strings"
)

// kind is the kind of a column.
type kind uint8

const (
	number kind = iota // 32 bits
	wide               // 64 bits
	word               // a text of which there are few
	text               // a text of which there may be many
	flag
	date
	list // of words
)

// Dialect is what differs between the engines' SQL.
type Dialect struct {
	Name  string
	types map[kind]string
	// nullable writes the type of a column that may be empty.
	nullable func(typ string) string
	// noList says that a list is missing, where no list is written as an empty one.
	noList func(column string) string
	// contains says whether a list has a text.
	contains func(column, literal string) string
	// part takes the year, month or day out of a date.
	part func(part, column string) string
	// earliest selects, by customer, the column v as the value of a column in the first row; "" or NULL for none.
	earliest func(column, where string) string
	// quantile is a scalar: the value of column x of the relation f at a share in hundredths, as SQL's percentile_cont.
	quantile func(share int) string
	// after are statements that follow the loading.
	after []string
	// options end the statement that makes the table.
	options map[string]string
	escapes *strings.Replacer
}

func (d *Dialect) literal(s string) string { return "'" + d.escapes.Replace(s) + "'" }

func standardEscapes() *strings.Replacer { return strings.NewReplacer("'", "''") }

func standardNull(column string) string { return column + " IS NULL" }

func same(typ string) string { return typ }

// ranked selects the first row of each customer with a window, for engines that have no aggregate for it.
func ranked(column, where string) string {
	return "SELECT customer, v FROM (SELECT customer, " + column + " AS v, row_number() OVER (PARTITION BY customer ORDER BY ts, arrival) AS place FROM events" + where + ") AS o WHERE place = 1"
}

func extract(part, column string) string { return "EXTRACT(" + part + " FROM " + column + ")" }

// DuckDB is DuckDB's SQL.
func DuckDB() *Dialect {
	return &Dialect{Name: "DuckDB", nullable: same, noList: standardNull, part: extract, escapes: standardEscapes(),
		types:    map[kind]string{number: "INTEGER", wide: "BIGINT", word: "VARCHAR", text: "VARCHAR", flag: "BOOLEAN", date: "DATE", list: "VARCHAR[]"},
		contains: func(column, literal string) string { return "list_contains(" + column + ", " + literal + ")" },
		earliest: func(column, where string) string {
			return "SELECT customer, arg_min(COALESCE(" + column + ", ''), (ts, arrival)) AS v FROM events" + where + " GROUP BY customer"
		},
		quantile: func(share int) string { return fmt.Sprintf("(SELECT quantile_cont(x, %s) FROM f)", decimal(share)) },
		// Rows of a customer together: what served the batch best in the comparison of layouts.
		after: []string{"CREATE TABLE sorted AS SELECT * FROM events ORDER BY customer, ts, arrival", "DROP TABLE events", "ALTER TABLE sorted RENAME TO events", "CHECKPOINT"},
	}
}

// PostgreSQL is PostgreSQL's SQL. Texts are ordered by their bytes: the columns have the collation C.
func PostgreSQL() *Dialect {
	return &Dialect{Name: "PostgreSQL", nullable: same, noList: standardNull, part: extract, escapes: standardEscapes(),
		types:    map[kind]string{number: "integer", wide: "bigint", word: `text COLLATE "C"`, text: `text COLLATE "C"`, flag: "boolean", date: "date", list: "text[]"},
		contains: func(column, literal string) string { return literal + " = ANY(" + column + ")" },
		earliest: func(column, where string) string {
			return "SELECT DISTINCT ON (customer) customer, " + column + " AS v FROM events" + where + " ORDER BY customer, ts, arrival"
		},
		quantile: func(share int) string {
			return fmt.Sprintf("(SELECT percentile_cont(%s) WITHIN GROUP (ORDER BY x) FROM f)", decimal(share))
		},
		after: []string{"ALTER TABLE customers ADD PRIMARY KEY (id)", "CREATE INDEX events_name_day ON events (name, day, customer)", "VACUUM (ANALYZE) customers", "VACUUM (ANALYZE) events"},
	}
}

// SQLite is SQLite's SQL. A list is a text whose elements stand between bars.
func SQLite() *Dialect {
	return &Dialect{Name: "SQLite", nullable: same, noList: standardNull, earliest: ranked, escapes: standardEscapes(),
		types:    map[kind]string{number: "INTEGER", wide: "INTEGER", word: "TEXT", text: "TEXT", flag: "INTEGER", date: "TEXT", list: "TEXT"},
		contains: func(column, literal string) string { return "instr(" + column + ", '|' || " + literal + " || '|') > 0" },
		part: func(part, column string) string {
			return fmt.Sprintf("CAST(strftime('%s', %s) AS INTEGER)", map[string]string{"YEAR": "%Y", "MONTH": "%m", "DAY": "%d"}[part], column)
		},
		// It has no percentiles: the values at the two places around (n-1)·p, in proportion.
		quantile: func(share int) string {
			return fmt.Sprintf("(SELECT sum(CASE i WHEN (n - 1) * %[1]d / 100 THEN x * (100 - (n - 1) * %[1]d %% 100) WHEN (n - 1) * %[1]d / 100 + 1 THEN x * ((n - 1) * %[1]d %% 100) ELSE 0 END) / 100.0"+
				" FROM (SELECT x, row_number() OVER (ORDER BY x) - 1 AS i, count(*) OVER () AS n FROM f) AS q)", share)
		},
		after: []string{"CREATE INDEX events_name_day ON events (name, day, customer)", "ANALYZE"},
	}
}

// ClickHouse is ClickHouse's SQL.
func ClickHouse() *Dialect {
	return &Dialect{Name: "ClickHouse", part: extract, escapes: strings.NewReplacer(`\`, `\\`, "'", `\'`),
		types:    map[kind]string{number: "Int32", wide: "Int64", word: "LowCardinality(String)", text: "String", flag: "Bool", date: "Date32", list: "Array(LowCardinality(String))"},
		nullable: clickHouseNullable,
		noList:   func(column string) string { return "empty(" + column + ")" },
		contains: func(column, literal string) string { return "has(" + column + ", " + literal + ")" },
		earliest: func(column, where string) string {
			return "SELECT customer, argMin(ifNull(" + column + ", ''), (ts, arrival)) AS v FROM events" + where + " GROUP BY customer"
		},
		quantile: func(share int) string {
			return fmt.Sprintf("(SELECT quantileExactInclusive(%s)(x) FROM f)", decimal(share))
		},
		options: map[string]string{"customers": " ENGINE = MergeTree ORDER BY id", "events": " ENGINE = MergeTree ORDER BY (name, customer, ts)"},
		after:   []string{"OPTIMIZE TABLE events FINAL"},
	}
}

func clickHouseNullable(typ string) string {
	switch {
	case strings.HasPrefix(typ, "Array("): // a list cannot be NULL: none is empty
		return typ
	case strings.HasPrefix(typ, "LowCardinality("):
		return "LowCardinality(Nullable(" + strings.TrimPrefix(typ, "LowCardinality(") + ")"
	}
	return "Nullable(" + typ + ")"
}

// decimal writes hundredths between 0 and 1.
func decimal(hundredths int) string { return fmt.Sprintf("0.%02d", hundredths) }
