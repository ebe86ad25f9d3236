// main() of the tests that need nothing else there.
#include "gst/support/gst_main.h"

int main(int argc, char** argv) { return torchstreamer::test::run_gst_tests(argc, argv); }
