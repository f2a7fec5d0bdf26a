// What the server of the recording offers.
namespace py shop

enum Size { SMALL = 1, LARGE = 2 }

struct Part {
  1: string name,
  2: optional list<Part> parts,
}

struct Everything {
  1: bool yes,
  2: byte small,
  3: i16 medium,
  4: i32 large,
  5: i64 huge,
  6: double ratio,
  7: string text,
  8: binary blob,
  9: Size size,
  10: list<i32> numbers,
  11: set<string> words,
  12: map<string, i64> counts,
  13: list<list<double>> matrix,
  14: map<i32, Part> parts,
  15: list<bool> answers,
  16: Part tree,
  17: map<string, string> none,
  200: optional string far,
}

exception OutOfStock {
  1: string name,
  2: i32 wanted,
}

service Shop {
  void ping(),
  string greet(1: string name),
  Everything echo(1: Everything thing),
  i32 buy(1: string name, 2: i32 count) throws (1: OutOfStock empty),
  oneway void log(1: string line),
  Part deep(1: i32 depth),
}
