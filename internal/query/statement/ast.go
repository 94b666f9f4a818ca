package statement

// The tree of a statement. It holds what was said, without what it means: columns, functions and types are looked up by the
// checker. There is no node for anything but a query, so nothing else can be said.

// query is a select, a VALUES or a set operation, with what surrounds it.
type query struct {
	pos     int
	with    []cte
	body    body
	orderBy []sortItem
	limit   *limit
}

type cte struct {
	name    ident
	columns []ident
	query   *query
}

type limit struct {
	pos       int
	count     int64 // -1: ALL
	offset    int64
	offsetPos int // of the offset, 0 if none was given
}

// body is *selection, *setOp, *values or *query (in brackets).
type body interface{ bodyNode() }

type selection struct {
	pos      int
	distinct bool
	items    []item
	from     []relation // nil: the search result
	where    expr
	groupBy  *groupBy
	having   expr
}

// item is one entry of a select list; star ones have no expression.
type item struct {
	pos   int
	star  bool
	table *ident // of "t.*"
	expr  expr
	alias *ident
}

type groupBy struct {
	sets []groupSet
}

// groupSet is one element of GROUP BY: plain expressions are a simple set of one.
type groupSet struct {
	kind string // "" or ROLLUP, CUBE, GROUPING SETS
	sets [][]expr
}

type sortItem struct {
	expr       expr
	desc       bool
	nullsFirst *bool
}

type setOp struct {
	pos         int
	op          string // UNION, INTERSECT, EXCEPT
	all         bool
	left, right body
}

type values struct {
	pos  int
	rows [][]expr
}

func (*query) bodyNode()     {}
func (*selection) bodyNode() {}
func (*setOp) bodyNode()     {}
func (*values) bodyNode()    {}

// relation is *tableName, *derived, *unnest or *join.
type relation interface{ relationNode() }

type tableName struct {
	pos    int
	name   ident
	alias  *alias
	sample *sample
}

type sample struct {
	method  string // BERNOULLI or SYSTEM
	percent string
}

type derived struct {
	pos   int
	query *query
	alias *alias
}

type unnest struct {
	pos        int
	exprs      []expr
	ordinality bool
	alias      *alias
}

type join struct {
	pos         int
	kind        string // CROSS, INNER, LEFT, RIGHT, FULL
	left, right relation
	on          expr
	using       []ident
}

type alias struct {
	name    ident
	columns []ident
}

func (*tableName) relationNode() {}
func (*derived) relationNode()   {}
func (*unnest) relationNode()    {}
func (*join) relationNode()      {}

// ident is a name with its place.
type ident struct {
	pos    int
	text   string
	quoted bool
}

// expr is an expression.
type expr interface{ at() int }

type node struct{ pos int }

func (n node) at() int { return n.pos }

type (
	nullLit struct{ node }
	boolLit struct {
		node
		value bool
	}
	intLit struct {
		node
		value int64
	}
	doubleLit struct {
		node
		text string
	}
	stringLit struct {
		node
		value string
	}
	binaryLit struct {
		node
		value []byte
	}
	// typedLit is DATE '2021-01-05' and its like.
	typedLit struct {
		node
		typ   Type
		value string
	}
	intervalLit struct {
		node
		negative bool
		value    string
		unit     string // second to year
	}

	// name is a column, as x, t.x or with fields of rows behind.
	name struct {
		node
		parts []ident
	}

	// unary is - or NOT.
	unary struct {
		node
		op string
		x  expr
	}
	binary struct {
		node
		op   string
		l, r expr
	}
	// logic is a chain of AND, or of OR.
	logic struct {
		node
		op    string
		terms []expr
	}

	between struct {
		node
		not       bool
		x, lo, hi expr
	}
	inList struct {
		node
		not  bool
		x    expr
		list []expr
	}
	inQuery struct {
		node
		not   bool
		x     expr
		query *query
	}
	like struct {
		node
		not                bool
		x, pattern, escape expr
	}
	isNull struct {
		node
		not bool
		x   expr
	}
	isDiff struct {
		node
		not  bool
		l, r expr
	} // IS [NOT] DISTINCT FROM
	exists struct {
		node
		query *query
	}
	quantified struct {
		node
		op    string
		all   bool
		x     expr
		query *query
	}
	subquery struct {
		node
		query *query
	}

	caseExpr struct {
		node
		operand expr
		whens   []when
		orElse  expr
	}
	when struct{ cond, then expr }

	cast struct {
		node
		x   expr
		typ Type
		try bool
	}
	extract struct {
		node
		field string
		x     expr
	}
	atZone struct {
		node
		x, zone expr
	}
	arrayLit struct {
		node
		elems []expr
	}
	rowLit struct {
		node
		elems []expr
	}
	subscript struct {
		node
		x, index expr
	}
	field struct {
		node
		x    expr
		name ident
	}
	lambda struct {
		node
		params []ident
		body   expr
	}

	// call is a function call.
	call struct {
		node
		name        string // in lower case
		star        bool
		distinct    bool
		args        []expr
		orderBy     []sortItem
		filter      expr
		ignoreNulls bool
		over        *window
	}
	window struct {
		partition []expr
		orderBy   []sortItem
		frame     *frame
	}
	frame struct {
		unit       string // ROWS or RANGE
		start, end bound
	}
	// bound is one end of a frame; kind "" for an end that was not given.
	bound struct {
		kind string // UNBOUNDED PRECEDING, PRECEDING, CURRENT ROW, FOLLOWING, UNBOUNDED FOLLOWING
		n    expr
	}
)
