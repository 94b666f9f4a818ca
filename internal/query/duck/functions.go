package duck

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// added is a scalar function of ours in the engine. The function table of package statement prints calls of them. NULL in gives
// NULL out.
type added struct {
	name string
	in   string // types of the arguments, by the words of engineTypes
	out  string
	call func(args []any) (any, error)
}

var engineTypes = map[string]duckdb.Type{
	"text": duckdb.TYPE_VARCHAR, "bigint": duckdb.TYPE_BIGINT, "double": duckdb.TYPE_DOUBLE, "bool": duckdb.TYPE_BOOLEAN, "blob": duckdb.TYPE_BLOB,
}

// typeInfo reads a word of engineTypes with [] behind it for each level of lists.
func typeInfo(word string) (duckdb.TypeInfo, error) {
	if elem, ok := strings.CutSuffix(word, "[]"); ok {
		info, err := typeInfo(elem)
		if err != nil {
			return nil, err
		}
		return duckdb.NewListInfo(info)
	}
	return duckdb.NewTypeInfo(engineTypes[word])
}

// registered is a function as the engine is given it.
type registered struct {
	*added
	config duckdb.ScalarFuncConfig
}

// Config is asked for with every chunk of rows, on the thread that works on it.
func (r registered) Config() duckdb.ScalarFuncConfig {
	keepPriority()
	return r.config
}

func (a *added) config() duckdb.ScalarFuncConfig {
	var config duckdb.ScalarFuncConfig
	for _, word := range strings.Fields(a.in) {
		config.InputTypeInfos = append(config.InputTypeInfos, mustType(word))
	}
	config.ResultTypeInfo = mustType(a.out)
	return config
}

// mustType panics on a word that is not in engineTypes: the words are constants of this package.
func mustType(word string) duckdb.TypeInfo {
	info, err := typeInfo(word)
	if err != nil {
		panic(fmt.Sprintf("type %q of an added function: %v", word, err))
	}
	return info
}

func (a *added) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(values []driver.Value) (result any, err error) {
		defer func() { // a panic here would unwind through C
			if r := recover(); r != nil {
				err = fmt.Errorf("%s failed: %v", a.name, r)
			}
		}()
		args := make([]any, len(values))
		for i, v := range values {
			args[i] = v
		}
		return a.call(args)
	}}
}

// added lists every function that is added.
func (e *Engine) added() []*added {
	place := &added{"sluice_place", "text text text", "text", fn3(placeOf(e.options.Places))}
	return slices.Concat(textFunctions, listFunctions, binaryFunctions, networkFunctions, unitFunctions, []*added{place})
}

func (e *Engine) registerFunctions(conn *sql.Conn) error {
	for _, a := range e.added() {
		if err := duckdb.RegisterScalarUDF(conn, a.name, registered{a, a.config()}); err != nil {
			return fmt.Errorf("add function %s: %w", a.name, err)
		}
	}
	if err := duckdb.RegisterScalarUDF(conn, bitsFunction, bitsSource{mustType("bigint"), mustType("blob")}); err != nil {
		return fmt.Errorf("add function %s: %w", bitsFunction, err)
	}
	return duckdb.RegisterScalarUDF(conn, aliveFunction, alive{mustType("bigint"), mustType("bool")})
}

// alive ends a statement that was given up while it works on one chunk of rows: see package statement.
type alive struct{ in, out duckdb.TypeInfo }

const aliveFunction = "sluice_alive"

func (a alive) Config() duckdb.ScalarFuncConfig {
	keepPriority()
	return duckdb.ScalarFuncConfig{InputTypeInfos: []duckdb.TypeInfo{a.in}, ResultTypeInfo: a.out, Volatile: true}
}

func (alive) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowContextExecutor: func(ctx context.Context, _ []driver.Value) (any, error) {
		return true, ctx.Err()
	}}
}

// The adapters turn functions of Go types into calls. Lists come as []any.

func fn1[A, R any](f func(A) (R, error)) func([]any) (any, error) {
	return func(args []any) (any, error) { return result(f(args[0].(A))) }
}

func fn2[A, B, R any](f func(A, B) (R, error)) func([]any) (any, error) {
	return func(args []any) (any, error) { return result(f(args[0].(A), args[1].(B))) }
}

func fn3[A, B, C, R any](f func(A, B, C) (R, error)) func([]any) (any, error) {
	return func(args []any) (any, error) { return result(f(args[0].(A), args[1].(B), args[2].(C))) }
}

func fn4[A, B, C, D, R any](f func(A, B, C, D) (R, error)) func([]any) (any, error) {
	return func(args []any) (any, error) { return result(f(args[0].(A), args[1].(B), args[2].(C), args[3].(D))) }
}

// result turns a pointer, which a function uses where it may answer NULL, into its value.
func result[R any](r R, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if p, ok := any(r).(*string); ok {
		if p == nil {
			return nil, nil
		}
		return *p, nil
	}
	return r, nil
}

// maxList is the longest list that an added function takes, and so the most rows of one group.
const maxList = 1_000_000

// values reads a list whose elements may be NULL.
func values[T any](list []any) ([]T, []bool, error) {
	if len(list) > maxList {
		return nil, nil, fmt.Errorf("a group has more than %d rows; group by more, or filter", maxList)
	}
	all, ok := make([]T, len(list)), make([]bool, len(list))
	for i, v := range list {
		all[i], ok[i] = v.(T)
	}
	return all, ok, nil
}
