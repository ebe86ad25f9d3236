// main() of the tests without special roles.
#include "gst/support/gst_main.h"

int main(int argc, char** argv) { return torchstreamer::test::run_gst_tests(argc, argv); }
